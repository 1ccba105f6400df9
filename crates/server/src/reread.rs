//! SIGHUP: what can change without a restart is put in force, and what cannot is said.

use crate::config::Node;
use crate::metrics::Metrics;
use crate::tls::Tls;

/// Reads certificates, keys and trusted authorities again, and tells which parts of `baton.toml` have changed and wait for a
/// restart. Calls and connections that are up go on as they are.
pub(crate) async fn reread(node: &Node, tls: &Tls, metrics: &Metrics) {
    tracing::info!("SIGHUP: certificates are read again; the directory is changed by `baton apply`");
    tls.reread(node, metrics).await;
    let Some(file) = &node.file else { return };
    match Node::load(file) {
        Err(problems) => {
            for problem in problems {
                tracing::warn!(%problem, "the changed configuration cannot be used; the one in force stays");
            }
        }
        Ok(changed) => {
            let parts = changed_parts(node, &changed);
            if !parts.is_empty() {
                tracing::warn!(?parts, "these parts of the configuration have changed; they wait for a restart");
            }
        }
    }
}

/// The tables that differ.
fn changed_parts(before: &Node, after: &Node) -> Vec<&'static str> {
    let text = |part: &dyn std::fmt::Debug| format!("{part:?}");
    let parts: [(&str, String, String); 9] = [
        ("sip", text(&before.sip), text(&after.sip)),
        ("guard", text(&before.guard), text(&after.guard)),
        ("dns", text(&before.dns), text(&after.dns)),
        ("media", text(&before.media), text(&after.media)),
        ("store", text(&before.store), text(&after.store)),
        ("sinks", text(&before.sinks), text(&after.sinks)),
        ("api", text(&before.api), text(&after.api)),
        ("log", text(&before.log), text(&after.log)),
        ("limits", text(&before.limits), text(&after.limits)),
    ];
    parts.into_iter().filter(|(_, before, after)| before != after).map(|(name, _, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_that_differ_are_named() {
        let node = |text: &str| Node::parse("baton.toml", text).unwrap();
        let before = node("");
        assert_eq!(changed_parts(&before, &node("[sip]\nrealm = \"baton\"")), Vec::<&str>::new());
        let after = node("[limits]\nparties_max = 5\n[dns]\nservers = [\"192.0.2.1:53\"]");
        assert_eq!(changed_parts(&before, &after), ["dns", "limits"]);
    }
}
