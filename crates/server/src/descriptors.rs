//! File descriptors: each leg has two, each connection one. A node takes as many as it may.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Node;

/// RTP and RTCP of both legs of a call.
const PER_SESSION: u64 = 4;
/// Store, log, API, threads.
const OTHERS: u64 = 256;

/// Raises the soft limit to the hard one, and says so when even that is low.
pub(crate) fn raise(node: &Node) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
    {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    let needed = needed(node);
    // None is no limit.
    if let Some(granted) = getrlimit(Resource::Nofile).current.filter(|granted| *granted < needed) {
        tracing::warn!(
            "this process may open {granted} files, and a full node needs {needed}; raise the limit (ulimit -n, \
             LimitNOFILE) or lower limits.sessions_max"
        );
    }
}

fn needed(node: &Node) -> u64 {
    let limits = &node.limits;
    (limits.sessions_max as u64).saturating_mul(PER_SESSION) + limits.tcp_connections_max as u64 + OTHERS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_the_hard_one_afterwards() {
        raise(&Node::default());
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        let mut node = Node::default();
        (node.limits.sessions_max, node.limits.tcp_connections_max) = (1_000, 10);
        assert_eq!(needed(&node), 4_266);
    }
}
