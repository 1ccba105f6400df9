//! One media shard on a thread of its own: `epoll` over a socket a leg, no locks, no allocation for a packet.
//!
//! Few packets: it sleeps until one comes. Many: it wakes by the clock and takes all there are, which saves the wake-ups,
//! the dearest part of a packet in a virtual machine. Ticks have absolute deadlines either way.

use std::io;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use baton_media::{Command, Config, Event, MediaShard, StreamId};
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use crate::media_sockets::MediaSockets;

/// Largest packet that is read; media packets are a tenth of it.
const PACKET_BYTES_MAX: usize = 2_048;
/// Sockets that one wait reports.
const READY_MAX: usize = 512;
/// Commands taken before packets get their turn.
const COMMANDS_PER_TURN: usize = 256;
/// Above this many packets a second the thread wakes by the clock, below three quarters of it by packets again: so often
/// that forwarding never adds a millisecond.
const PACED_PACKETS_PER_SECOND: u64 = 8_000;
const PACE_US: u64 = 700;
/// While nobody is forwarded, and all packets wait for the mixer anyway, far fewer are enough to do so far more rarely.
const MIXED_PACKETS_PER_SECOND: u64 = 300;
const MIXED_PACE_US: u64 = 5_000;
const PACE_WINDOW_US: u64 = 100_000;
const WAKE: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;

/// What a media thread is started with.
#[derive(Debug, Clone)]
pub(crate) struct MediaThreadConfig {
    /// The shard's own.
    pub(crate) shard: Config,
    /// For SSRCs and the like; random on a node.
    pub(crate) seed: u64,
    /// The thread's name.
    pub(crate) name: String,
    /// The processor it stays on; `None`: wherever the system puts it. One that is not there is ignored.
    pub(crate) processor: Option<usize>,
    /// Receive buffer of each socket.
    pub(crate) receive_buffer_bytes: usize,
    /// Commands that may wait.
    pub(crate) commands_max: usize,
}

impl Default for MediaThreadConfig {
    fn default() -> Self {
        Self {
            shard: Config::default(),
            seed: 0,
            name: "media".into(),
            processor: None,
            receive_buffer_bytes: 64 * 1_024,
            commands_max: 4_096,
        }
    }
}

/// Takes what the shard tells. It runs on the media thread, so it must neither wait nor be slow.
pub(crate) type EventCallback = Box<dyn FnMut(Event) + Send>;

/// Running totals for metrics, brought up to date at every turn.
#[derive(Debug, Default)]
pub(crate) struct MediaCounters {
    pub(crate) packets_received: AtomicU64,
    pub(crate) packets_sent: AtomicU64,
    /// Packets that the kernel did not take.
    pub(crate) packets_refused: AtomicU64,
    pub(crate) streams: AtomicU64,
    /// Ticks that came 5 ms or more late.
    pub(crate) late_ticks: AtomicU64,
}

/// The thread, from outside.
#[derive(Debug)]
pub(crate) struct MediaThread {
    inbox: MediaInbox,
    counters: Arc<MediaCounters>,
    thread: JoinHandle<()>,
}

/// Where commands go in; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct MediaInbox {
    sender: SyncSender<Message>,
    wake: Arc<Wake>,
}

/// Why a command was not taken.
#[derive(Debug, PartialEq)]
pub(crate) enum NotSent {
    /// The queue is full; the command comes back.
    Full(Box<Command>),
    /// The thread has ended.
    Ended,
}

#[derive(Debug)]
enum Message {
    Command(Command),
    Stop,
}

#[derive(Debug)]
struct Wake {
    event: OwnedFd,
    /// The thread has been woken and has not looked yet: once is enough. A thread that wakes by the clock leaves it set.
    pending: AtomicBool,
}

impl MediaThread {
    /// Starts the thread. `now_us` is the node's clock.
    pub(crate) fn start(config: MediaThreadConfig, now_us: fn() -> u64, events: EventCallback) -> io::Result<Self> {
        let (sender, commands) = sync_channel(config.commands_max.max(1));
        let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        let wake = Arc::new(Wake { event, pending: AtomicBool::new(false) });
        let counters = Arc::new(MediaCounters::default());
        let worker = Worker::new(&config, now_us, events, commands, wake.clone(), counters.clone())?;
        let processor = config.processor;
        let thread = std::thread::Builder::new().name(config.name).spawn(move || {
            settle(processor);
            worker.run();
        })?;
        Ok(Self { inbox: MediaInbox { sender, wake }, counters, thread })
    }

    pub(crate) fn inbox(&self) -> MediaInbox {
        self.inbox.clone()
    }

    pub(crate) fn counters(&self) -> Arc<MediaCounters> {
        self.counters.clone()
    }

    /// Ends the thread once it has done the commands before; its sockets close without a farewell to the peers, so that
    /// a process that revives the calls can go on.
    pub(crate) fn stop(self) {
        if self.inbox.sender.send(Message::Stop).is_ok() {
            self.inbox.wake.now();
        }
        if self.thread.join().is_err() {
            tracing::error!("a media thread has panicked");
        }
    }
}

impl MediaInbox {
    /// Hands a command over without waiting. It comes back when the queue is full. The thread is sure to look at it once
    /// [`MediaInbox::ring`] has been called: once for all the commands of a moment, for a wake-up costs more than they do.
    pub(crate) fn send(&self, command: Command) -> Result<(), NotSent> {
        match self.sender.try_send(Message::Command(command)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(Message::Command(command))) => Err(NotSent::Full(Box::new(command))),
            Err(TrySendError::Disconnected(_)) => Err(NotSent::Ended),
            Err(TrySendError::Full(Message::Stop)) => Ok(()), // only commands are sent here
        }
    }

    /// Has the thread look at what was sent.
    pub(crate) fn ring(&self) {
        self.wake.now();
    }
}

impl Wake {
    fn now(&self) {
        if !self.pending.swap(true, Ordering::SeqCst) {
            // It cannot be full: it is read before `pending` is cleared.
            let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
        }
    }

    fn seen(&self) {
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.event, &mut count);
        self.pending.store(false, Ordering::SeqCst);
    }

    /// Nobody needs to ring: the thread looks by itself.
    fn not_needed(&self) {
        self.pending.store(true, Ordering::SeqCst);
    }

    /// From now on somebody must ring; what came before is to be looked for once more.
    fn needed(&self) {
        self.pending.store(false, Ordering::SeqCst);
    }
}

struct Worker {
    shard: MediaShard,
    sockets: MediaSockets,
    now_us: fn() -> u64,
    events: EventCallback,
    commands: Receiver<Message>,
    wake: Arc<Wake>,
    counters: Arc<MediaCounters>,
    timer: OwnedFd,
    /// The deadline that the timer is set to.
    timer_us: Option<u64>,
    pace: Pace,
    /// More sockets had packets than one wait reports.
    more_is_ready: bool,
    /// It wakes by the clock, and nobody needs to ring.
    looks_by_itself: bool,
    received: u64,
    forwarded: u64,
    late_ticks: u64,
}

impl Worker {
    fn new(
        config: &MediaThreadConfig,
        now_us: fn() -> u64,
        events: EventCallback,
        commands: Receiver<Message>,
        wake: Arc<Wake>,
        counters: Arc<MediaCounters>,
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        // `epoll_wait` counts milliseconds, and `epoll_pwait2` is not to be had everywhere: a timer does both.
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        epoll::add(&epoll, &wake.event, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        epoll::add(&epoll, &timer, epoll::EventData::new_u64(TIMER), epoll::EventFlags::IN)?;
        Ok(Self {
            shard: MediaShard::new(config.shard.clone(), config.seed),
            sockets: MediaSockets::new(epoll, config.receive_buffer_bytes),
            now_us,
            events,
            commands,
            wake,
            counters,
            timer,
            timer_us: None,
            pace: Pace::default(),
            more_is_ready: false,
            looks_by_itself: false,
            received: 0,
            forwarded: 0,
            late_ticks: 0,
        })
    }

    fn run(mut self) {
        let mut ready: Vec<epoll::Event> = Vec::with_capacity(READY_MAX);
        let mut buffer = [0u8; PACKET_BYTES_MAX];
        while self.take_commands() {
            self.tick();
            self.publish();
            if let Err(error) = self.wait(&mut ready) {
                tracing::error!(%error, "a media thread cannot wait for packets and ends");
                return;
            }
            self.take_ready(&mut ready, &mut buffer);
        }
        self.publish();
    }

    /// Takes a packet of each socket that has one. A socket that has more is ready again at once: a thread that got its
    /// processor late takes one of each at every wake-up, many times as fast as they come.
    fn take_ready(&mut self, ready: &mut Vec<epoll::Event>, buffer: &mut [u8]) {
        self.more_is_ready = ready.len() >= READY_MAX;
        for event in ready.drain(..) {
            match event.data.u64() {
                WAKE => self.wake.seen(),
                TIMER => self.timer_us = None, // it stays ready until it is set anew
                token => self.receive(token, buffer),
            }
        }
    }

    fn receive(&mut self, token: u64, buffer: &mut [u8]) {
        let Some(arrived) = self.sockets.receive(token, buffer) else { return };
        let now_us = (self.now_us)();
        self.received += 1;
        let Some(packet) = buffer.get_mut(..arrived.bytes) else { return };
        let sent = self.sockets.sent;
        self.shard.handle_packet(now_us, arrived.stream, arrived.kind, arrived.source, packet, &mut self.sockets);
        self.forwarded += self.sockets.sent - sent;
        self.tell();
    }

    /// `false` when the thread is to end.
    fn take_commands(&mut self) -> bool {
        for _ in 0..COMMANDS_PER_TURN {
            match self.commands.try_recv() {
                Ok(Message::Command(command)) => self.command(command),
                Ok(Message::Stop) | Err(std::sync::mpsc::TryRecvError::Disconnected) => return false,
                Err(std::sync::mpsc::TryRecvError::Empty) => return true,
            }
        }
        self.wake.now(); // more are waiting, and packets come first now
        true
    }

    fn command(&mut self, command: Command) {
        if let Command::Open { stream, local, local_rtcp } = &command
            && let Err(reason) = self.sockets.open(*stream, *local, *local_rtcp)
        {
            (self.events)(Event::OpenFailed { stream: *stream, reason });
            return;
        }
        if let Command::Configure { stream, configuration } = &command
            && configuration.remote_rtcp.is_some()
        {
            self.sockets.open_rtcp(*stream);
        }
        self.shard.handle_command((self.now_us)(), command, &mut self.sockets);
        self.tell();
    }

    fn tick(&mut self) {
        let now_us = (self.now_us)();
        let Some(due_us) = self.shard.next_tick_us().filter(|due_us| *due_us <= now_us) else { return };
        self.late_ticks += u64::from(now_us - due_us >= 5_000);
        self.shard.tick(now_us, &mut self.sockets);
        self.tell();
    }

    fn tell(&mut self) {
        while let Some(event) = self.shard.poll_output() {
            if let Event::Closed { stream, .. } | Event::OpenFailed { stream, .. } = event {
                self.close(stream);
            }
            (self.events)(event);
        }
    }

    /// Before the event is told: its ports are free then.
    fn close(&mut self, stream: StreamId) {
        self.sockets.close(stream);
    }

    fn publish(&self) {
        let Self { counters, .. } = self;
        counters.packets_received.store(self.received, Ordering::Relaxed);
        counters.packets_sent.store(self.sockets.sent, Ordering::Relaxed);
        counters.packets_refused.store(self.sockets.refused, Ordering::Relaxed);
        counters.streams.store(self.sockets.legs() as u64, Ordering::Relaxed);
        counters.late_ticks.store(self.late_ticks, Ordering::Relaxed);
    }

    /// Sleeps until there is something to do, and says which sockets have packets.
    fn wait(&mut self, ready: &mut Vec<epoll::Event>) -> io::Result<()> {
        let now_us = (self.now_us)();
        let due_us = self.shard.next_tick_us();
        let at_once = timespec(0);
        let timeout = if let Some(pace_us) = self.pace.interval_us(now_us, self.received, self.forwarded) {
            self.wake.not_needed();
            self.looks_by_itself = true;
            let boundary_us = (now_us / pace_us + 1) * pace_us;
            let until_us = due_us.map_or(boundary_us, |due_us| due_us.min(boundary_us));
            if !self.more_is_ready {
                // It may wake early, by a signal: then it only looks early.
                let _ = rustix::thread::nanosleep(&timespec(until_us.saturating_sub(now_us)));
            }
            Some(&at_once)
        } else if std::mem::take(&mut self.looks_by_itself) {
            self.wake.needed();
            Some(&at_once)
        } else if due_us.is_some_and(|due_us| due_us <= now_us) {
            Some(&at_once)
        } else {
            self.set_timer(now_us, due_us)?;
            None
        };
        poll(self.sockets.epoll(), ready, timeout)
    }

    fn set_timer(&mut self, now_us: u64, due_us: Option<u64>) -> io::Result<()> {
        if self.timer_us == due_us && due_us.is_some() {
            return Ok(());
        }
        let it_value = due_us.map_or(timespec(0), |due_us| timespec(due_us.saturating_sub(now_us).max(1)));
        let setting = Itimerspec { it_interval: timespec(0), it_value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting)?;
        self.timer_us = due_us;
        Ok(())
    }
}

fn poll(epoll: &OwnedFd, ready: &mut Vec<epoll::Event>, timeout: Option<&Timespec>) -> io::Result<()> {
    match epoll::wait(epoll, rustix::buffer::spare_capacity(ready), timeout) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn timespec(us: u64) -> Timespec {
    Timespec { tv_sec: (us / 1_000_000) as i64, tv_nsec: ((us % 1_000_000) * 1_000) as _ }
}

/// Whether there are so many packets that waking for each is waste.
#[derive(Debug, Default)]
struct Pace {
    window_us: u64,
    received: u64,
    forwarded: u64,
    interval_us: Option<u64>,
}

impl Pace {
    /// How often to wake; `None`: for every packet.
    fn interval_us(&mut self, now_us: u64, received: u64, forwarded: u64) -> Option<u64> {
        let elapsed_us = now_us.saturating_sub(self.window_us);
        if elapsed_us >= PACE_WINDOW_US {
            let per_second = (received - self.received) * 1_000_000 / elapsed_us;
            let (limit, interval_us) = if forwarded == self.forwarded {
                (MIXED_PACKETS_PER_SECOND, MIXED_PACE_US)
            } else {
                (PACED_PACKETS_PER_SECOND, PACE_US)
            };
            let limit = if self.interval_us == Some(interval_us) { limit * 3 / 4 } else { limit };
            self.interval_us = (per_second >= limit).then_some(interval_us);
            (self.window_us, self.received, self.forwarded) = (now_us, received, forwarded);
        }
        self.interval_us
    }
}

/// Stays on its processor, where there is more than one, and is woken on time.
fn settle(processor: Option<usize>) {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    if let Some(processor) = processor.filter(|processor| count > 1 && *processor < rustix::thread::CpuSet::MAX_CPU) {
        let mut set = rustix::thread::CpuSet::new();
        set.set(processor);
        if let Err(error) = rustix::thread::sched_setaffinity(None, &set) {
            tracing::warn!(processor, %error, "a media thread cannot stay on its processor");
        }
    }
    // Sound cannot wait as signalling can. Without the right to it, the thread is as good as others.
    let _ = rustix::process::setpriority_process(None, -10);
    // The system may wake a thread 50 µs late by default; it is only a wish, so a refusal is no matter.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
}

#[cfg(test)]
mod tests;
