//! The baton server: sockets, threads, clock, configuration, command line.
//!
//! It wires the rooms together and decides nothing: what a call does is the business of crate `contact`, what is on the
//! wire of `sip`, `sdp` and `media`. Read [`run`] first (what is started in which order), then `core_thread` (the one
//! thread that decides), then `inbox` (how everything else reaches it).

mod admission;
mod audio_files;
mod call_log;
mod checking;
mod cli;
mod clock;
mod config;
#[cfg(test)]
mod config_mutations;
mod core_config;
mod core_thread;
mod data_directory;
mod descriptors;
mod directory_diff;
mod directory_file;
mod http_client;
mod inbox;
mod link;
mod logging;
mod media;
mod media_sockets;
mod media_thread;
mod metrics;
mod operator;
mod random;
mod records;
mod reread;
mod resolve;
mod run;
mod seal;
mod services;
mod shutdown;
mod sinks;
mod sockets;
mod sounds;
mod store_thread;
mod table;
mod tcp_edge;
mod tls;
mod toml_text;
mod trace;
mod trunk_ways;
mod udp_listener;
mod watch;
mod web_socket;

/// A call allocates on one thread what another one frees, some of it large: jemalloc keeps such blocks by size and by thread,
/// where the system's allocator goes through its shared lists. It costs a fifth less CPU a call, and bindings are smaller.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}
