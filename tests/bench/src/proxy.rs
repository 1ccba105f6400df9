//! A bare proxy under the same load on the same machine, by turns with this build. Machines differ by a factor of three in what
//! the same messages cost, so that a bar from another one can only be held against a ratio.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::load::{Load, PEERS};
use crate::parts::{Setting, begin, cost, told_failures};
use crate::report::{Bar, Report};
use crate::system;

/// The address of the server under test, which the proxy takes while no such server runs.
const ADDRESS: &str = "127.0.0.1:5060";

/// How many times it is asked whether it has started, 50 ms each.
const ASKED_MAX: u32 = 100;

/// What each sends on: calls to the second peer, all else to where it is addressed. As little as a proxy can do: it does not even
/// stay in the dialog's way by Record-Route.
fn script() -> io::Result<String> {
    let places =
        ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/lib64", "/usr/local/lib64"];
    let modules = places.map(|place| PathBuf::from(place).join("kamailio/modules"));
    let modules = modules.iter().find(|place| place.is_dir());
    let modules = modules.ok_or_else(|| io::Error::other("the modules of Kamailio are in none of the usual places"))?;
    Ok(format!(
        "debug=0\nlog_stderror=yes\nfork=yes\nchildren=2\ndisable_tcp=yes\nlisten=udp:{ADDRESS}\n\
         mpath=\"{}/\"\nloadmodule \"tm.so\"\nloadmodule \"sl.so\"\nloadmodule \"pv.so\"\n\
         request_route {{\n    if (method == \"OPTIONS\") {{ sl_send_reply(\"200\", \"OK\"); exit; }}\n    \
         if (method == \"INVITE\") {{ $du = \"sip:{}\"; }}\n    t_relay();\n}}\n",
        modules.display(),
        PEERS[1]
    ))
}

/// A running Kamailio; stopped when dropped.
#[derive(Debug)]
struct Proxy {
    child: Child,
    directory: PathBuf,
}

impl Proxy {
    /// `None` when it is not installed.
    fn start() -> io::Result<Option<Self>> {
        let found = ["kamailio", "/usr/sbin/kamailio"].into_iter().find(|binary| {
            let asked = Command::new(binary).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
            asked.is_ok_and(|status| status.success())
        });
        let Some(binary) = found else { return Ok(None) };
        let script = script()?;
        let directory = std::env::temp_dir().join(format!("baton-bench-proxy-{}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        std::fs::write(directory.join("proxy.cfg"), script)?;
        let child = Command::new(binary)
            .args(["-DD", "-E", "-m", "512", "-f", "proxy.cfg", "-Y", ".", "-w", "."])
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(directory.join("log"))?)
            .spawn()?;
        Ok(Some(Proxy { child, directory }))
    }

    /// CPU nanoseconds of all its processes so far.
    fn cpu(&self) -> io::Result<u64> {
        let pid = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        let workers = children.split_ascii_whitespace().filter_map(|child| child.parse().ok());
        std::iter::once(pid).chain(workers).map(system::cpu_time).sum()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It ends its own processes when it is asked to, and not when it is killed.
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let asked = pid.is_some_and(|pid| rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_ok());
        if !asked {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A rate, for how many seconds it is measured, and the keys and words of its two rows: the proxy's cost, and ours as a share of it.
struct Told {
    rate: u32,
    seconds: u32,
    proxys: (&'static str, &'static str),
    share: (&'static str, &'static str),
}

const TOLD: [Told; 3] = [
    Told {
        rate: 100,
        seconds: 10,
        proxys: ("proxy_cpu_ms_per_call", "Kamailio, a bare proxy: CPU per call at 100 calls/s, ms"),
        share: ("cpu_per_call_of_proxys", "CPU per bridged call at 100 calls/s, of the proxy's"),
    },
    Told {
        rate: 1000,
        seconds: 4,
        proxys: ("proxy_cpu_ms_per_call_1000", "Kamailio, a bare proxy: CPU per call at 1,000 calls/s, ms"),
        share: ("cpu_per_call_1000_of_proxys", "CPU per bridged call at 1,000 calls/s, of the proxy's"),
    },
    Told {
        rate: 3000,
        seconds: 3,
        proxys: ("proxy_cpu_ms_per_call_3000", "Kamailio, a bare proxy: CPU per call at 3,000 calls/s, ms"),
        share: ("cpu_per_call_3000_of_proxys", "CPU per bridged call at 3,000 calls/s, of the proxy's"),
    },
];

/// What a call costs through this build and through the proxy, and the ratio. The bars are those of `calls` (0.4 ms at 100
/// calls/s, 0.2 at 3,000), of the 0.68 ms that the proxy took at 100 calls/s where they were set.
pub(crate) fn proxy(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let mut first = 0.0;
    for Told { rate, seconds, proxys: own, share } in TOLD {
        let Some(proxys) = cost_of_proxy(rate, seconds, report)? else {
            eprintln!("Kamailio is not installed (`apt install kamailio`): nothing is compared with it");
            return Ok(());
        };
        let (server, mut load) = begin(setting)?;
        let ours = cost(&mut load, (rate, seconds), || server.cpu())?;
        told_failures(&load, report, "proxy");
        let bar = if rate == 100 { Bar::AtMost(0.59) } else { Bar::None };
        report.add(own.0, own.1, proxys, Bar::None);
        report.add(share.0, share.1, ours / proxys, bar);
        match rate {
            100 => first = proxys,
            3000 => report.add(
                "cpu_per_call_3000_of_proxys_100",
                "the same at 3,000 calls/s, of the proxy's at 100 calls/s",
                ours / first,
                Bar::AtMost(0.29),
            ),
            _ => {}
        }
    }
    Ok(())
}

fn cost_of_proxy(rate: u32, seconds: u32, report: &mut Report) -> io::Result<Option<f64>> {
    let Some(proxy) = Proxy::start()? else { return Ok(None) };
    let address = ADDRESS.parse().map_err(io::Error::other)?;
    let mut load = Load::new(Some(address))?;
    for _ in 0..ASKED_MAX {
        if load.server_answers {
            break;
        }
        load.ask()?;
    }
    if !load.server_answers {
        let log = std::fs::read_to_string(proxy.directory.join("log")).unwrap_or_default();
        return Err(io::Error::other(format!("Kamailio does not answer: {log}")));
    }
    let spent = cost(&mut load, (rate, seconds), || proxy.cpu())?;
    told_failures(&load, report, "proxy");
    Ok(Some(spent))
}
