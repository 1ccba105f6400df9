//! What the kernel is asked for: time, arrival time stamps, another process's CPU time and memory.
#![allow(unsafe_code, reason = "recvmsg with time stamps and clock_getcpuclockid have no safe wrapper")]

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Nanoseconds since the Unix epoch: the clock of the kernel's arrival stamps.
pub(crate) fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// Has the kernel stamp what arrives at `socket`, and asks for a receive buffer of `bytes`.
pub(crate) fn prepare(socket: BorrowedFd, bytes: i32) -> io::Result<()> {
    set_option(socket, libc::SO_TIMESTAMPNS, 1)?;
    // Beyond the system's limit with the right to it, up to the limit without.
    set_option(socket, libc::SO_RCVBUFFORCE, bytes).or_else(|_| set_option(socket, libc::SO_RCVBUF, bytes))
}

fn set_option(socket: BorrowedFd, option: i32, value: i32) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<i32>()).map_err(io::Error::other)?;
    // SAFETY: the pointer and the length describe `value`, which outlives the call.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, (&raw const value).cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Receives a datagram with its arrival stamp; `None` when there is none. Errors of earlier sends are passed over.
pub(crate) fn receive(socket: BorrowedFd, buffer: &mut [u8]) -> Option<(usize, u64)> {
    for _ in 0..4 {
        match receive_once(socket, buffer) {
            Ok(received) => return Some(received),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(_) => return None,
        }
    }
    None
}

fn receive_once(socket: BorrowedFd, buffer: &mut [u8]) -> io::Result<(usize, u64)> {
    // u64s, so that the control messages are aligned.
    let mut control = [0u64; 8];
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: an all-zero msghdr is a valid empty one.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = std::mem::size_of_val(&control);
    // SAFETY: `message` points at `part`, `buffer` and `control`, which outlive the call.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel has filled `control` and set its length in `message`.
    let stamp = unsafe { arrival(&message) };
    Ok((length, stamp.unwrap_or_else(now)))
}

/// The SO_TIMESTAMPNS stamp among the control messages.
///
/// # Safety
/// `message` has been filled by `recvmsg`, and its control buffer is alive.
unsafe fn arrival(message: &libc::msghdr) -> Option<u64> {
    // SAFETY: per this function's contract; CMSG_FIRSTHDR and CMSG_NXTHDR stay within the buffer.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while let Some(found) = header.as_ref() {
            if found.cmsg_level == libc::SOL_SOCKET && found.cmsg_type == libc::SCM_TIMESTAMPNS {
                let time: libc::timespec = libc::CMSG_DATA(header).cast::<libc::timespec>().read_unaligned();
                let seconds = u64::try_from(time.tv_sec).ok()?;
                return Some(seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).ok()?);
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    None
}

/// The CPU time that process `pid` has used so far, user and system, in nanoseconds.
pub(crate) fn cpu_time(pid: u32) -> io::Result<u64> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    let mut clock: libc::clockid_t = 0;
    // SAFETY: `clock` is valid for writing.
    let error = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error));
    }
    // SAFETY: an all-zero timespec is valid, and `time` is valid for writing.
    let (result, time) = unsafe {
        let mut time: libc::timespec = zeroed();
        (libc::clock_gettime(clock, &raw mut time), time)
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let seconds = u64::try_from(time.tv_sec).map_err(io::Error::other)?;
    Ok(seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).map_err(io::Error::other)?)
}

/// The proportional set size of process `pid` in KB.
pub(crate) fn memory_kb(pid: u32) -> io::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("Pss:")?.split_ascii_whitespace().next()?.parse().ok())
        .ok_or_else(|| io::Error::other("no Pss line"))
}
