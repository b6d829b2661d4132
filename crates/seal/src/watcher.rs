//! Who answers the calls that the filter holds up, and tells the program of them?
//!
//! A process of its own, started before the seal and itself sealed to nothing but its pipes. It can't be a thread: who
//! holds the listener can let a refused call through, and a program that was taken over must not. For the same reason the
//! program closes its end when the watcher has it. The watcher never waits for the program (its pipe does not block), so
//! neither can hold up the other; none of its own calls are held up, for its filter is another. When it ends, the kernel
//! fails every call that was held up or would be (`ENOSYS`).

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use rustix::process::{Pid, PidfdFlags};

use crate::ledger::{Ledger, Refusal};
use crate::linux::{self, Role};
use crate::notify::{self, ANNOUNCE, Answer, Call};
use crate::plan::Plan;
use crate::watch::{Policy, Who, decide};
use crate::words;

/// How long a step of the handing over may take: a busy machine, not a hanging one.
const PATIENCE: Duration = Duration::from_secs(20);

/// Largest policy in bytes. 4 MiB: ten thousand sources with long paths.
const MAX_POLICY_BYTES: usize = 4 << 20;

/// Refusals are gathered for this long before they are told.
const GATHER: Duration = Duration::from_millis(100);

/// Most bytes of one line: what a pipe takes whole or not at all.
const MAX_LINE_BYTES: usize = 4096;

/// Children that are remembered. 1,024: many times as many as are ever started at once.
const MAX_CHILDREN: usize = 1024;

/// Lines that wait for room in the pipe. 1,024: two bursts.
const MAX_UNSAID: usize = 1024;

/// The line that says that everything so far was told.
const FLUSHED: &str = "flushed";

/// A watcher that was started and has nothing to watch yet.
pub struct Watcher {
    child: Child,
    socket: UnixStream,
    says: ChildStdout,
}

impl Watcher {
    /// Starts it: `command` must end up in [`watch`]. Before the seal; afterwards nothing of the kind can be made.
    ///
    /// # Errors
    /// When the process can't be started.
    pub fn start(command: &mut Command) -> io::Result<Watcher> {
        let (socket, other) = UnixStream::pair()?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut child = command.stdin(OwnedFd::from(other)).stdout(Stdio::piped()).spawn()?;
        let says = child.stdout.take().ok_or_else(|| io::Error::other("a process without pipes"))?;
        Ok(Watcher { child, socket, says })
    }

    pub(crate) fn process(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or_default()
    }

    /// Waits until it is there.
    pub(crate) fn ready(&self) -> io::Result<()> {
        (&self.socket).read_exact(&mut [0])
    }

    /// Hands over what is to be watched, and waits until it is.
    pub(crate) fn hand_over(
        self,
        policy: &Policy,
        listener: OwnedFd,
        memory: &std::fs::File,
    ) -> io::Result<Watched> {
        let text = serde_json::to_vec(policy)?;
        let length = (text.len() as u64).to_le_bytes();
        let handles = [listener.as_fd(), memory.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut more = SendAncillaryBuffer::new(&mut space);
        if !more.push(SendAncillaryMessage::ScmRights(&handles)) {
            return Err(io::Error::other("no room for two descriptors"));
        }
        rustix::net::sendmsg(&self.socket, &[IoSlice::new(&length)], &mut more, SendFlags::NOSIGNAL)?;
        (&self.socket).write_all(&text)?;
        (&self.socket).read_exact(&mut [0])?;
        // `listener` is closed here: whoever takes this process over must not be able to answer.
        Ok(Watched {
            refusals: Refusals { says: BufReader::new(self.says), _child: self.child },
            flush: Flush(self.socket),
        })
    }
}

/// A process whose refusals are reported.
pub struct Watched {
    /// What is refused from now on.
    pub refusals: Refusals,
    /// Asks for what was refused so far.
    pub flush: Flush,
}

/// What was refused, as it is told. Reading waits; it ends when the watcher does.
pub struct Refusals {
    says: BufReader<ChildStdout>,
    _child: Child,
}

/// What the watcher says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A refusal.
    Refused(Refusal),
    /// Everything up to a [`Flush::ask`] was told.
    Flushed,
}

impl Iterator for Refusals {
    type Item = Told;

    fn next(&mut self) -> Option<Told> {
        let mut line = String::new();
        let limit = MAX_LINE_BYTES as u64 + 1;
        (&mut self.says).take(limit).read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim_end() {
            FLUSHED => Some(Told::Flushed),
            line => serde_json::from_str(line).ok().map(Told::Refused),
        }
    }
}

/// Asks the watcher to tell what it still gathers.
pub struct Flush(UnixStream);

impl Flush {
    /// Asks; the answer comes as [`Told::Flushed`].
    ///
    /// # Errors
    /// When the watcher is gone.
    pub fn ask(&self) -> io::Result<()> {
        (&self.0).write_all(b"?")
    }
}

/// The watcher's whole life: seals itself, takes over from standard input, answers until the last watched process has
/// ended. `tell` is given each line that goes to the program as well, for another record of it; it must not wait.
///
/// # Errors
/// When nothing comes, the seal fails, or the kernel refuses the listener.
pub fn watch(tell: impl Fn(&Refusal)) -> io::Result<()> {
    notify::outlive();
    let socket = UnixStream::from(rustix::stdio::stdin().try_clone_to_owned()?);
    // Before the program waits for it. Sealed, it has pipes but no sockets: this one is read and written as a file.
    linux::apply(&Plan::worker(), Role::Watcher).map_err(io::Error::other)?;
    rustix::io::write(&socket, b"r")?;
    let (policy, listener, memory) = take_over(&socket)?;
    let says = rustix::stdio::stdout();
    // Nobody else has this end of the pipe.
    rustix::fs::fcntl_setfl(says, OFlags::NONBLOCK)?;
    rustix::io::write(&socket, b"k")?;
    let mut post = Post {
        memory,
        children: Children { policy, known: HashMap::new() },
        ledger: Ledger::new(Instant::now()),
        unsaid: Vec::new(),
        said: Instant::now(),
    };
    post.run(&socket, listener.as_fd(), says, &tell)
}

fn take_over(socket: &UnixStream) -> io::Result<(Policy, OwnedFd, std::fs::File)> {
    let mut length = [0; 8];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut more = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::WAITALL;
    let read = rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut length)], &mut more, flags)?;
    if read.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut handles = more.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(handles) => handles.collect::<Vec<_>>(),
        _ => Vec::new(),
    });
    let (Some(listener), Some(memory), true) = (handles.next(), handles.next(), read.bytes == length.len())
    else {
        return Err(io::Error::other("nothing to watch was handed over"));
    };
    let length = usize::try_from(u64::from_le_bytes(length)).map_err(io::Error::other)?;
    if length > MAX_POLICY_BYTES {
        return Err(io::Error::other("the policy is too large"));
    }
    let mut text = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match rustix::io::read(socket, &mut text[filled..])? {
            0 => return Err(io::Error::other("the policy is cut")),
            more => filled += more,
        }
    }
    Ok((serde_json::from_slice(&text)?, listener, memory.into()))
}

/// The children of the watched process that are known.
struct Children {
    policy: Policy,
    known: HashMap<i32, ChildState>,
}

struct ChildState {
    /// Tells when it ended: its number may be another's then.
    handle: OwnedFd,
    kind: Option<Who>,
    /// Whether it has installed the filter that it announced.
    filtered: bool,
}

impl Children {
    /// Remembers a child that starts.
    fn add(&mut self, process: i32) {
        if self.known.len() >= MAX_CHILDREN {
            self.known.retain(|_, child| !ended(&child.handle));
        }
        let handle = Pid::from_raw(process).map(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()));
        if let Some(Ok(handle)) = handle
            && self.known.len() < MAX_CHILDREN
        {
            self.known.insert(process, ChildState { handle, kind: None, filtered: false });
        }
    }

    /// Which child a thread belongs to.
    fn of(&mut self, thread: i32) -> Option<(i32, &mut ChildState)> {
        let process = if self.known.contains_key(&thread) {
            thread
        } else {
            self.known.keys().copied().find(|process| notify::is_thread_of(*process, thread))?
        };
        if self.known.get(&process).is_some_and(|child| ended(&child.handle)) {
            self.known.remove(&process);
            return None;
        }
        self.known.get_mut(&process).map(|child| (process, child))
    }

    fn who(&mut self, thread: i32) -> Who {
        if thread == self.policy.process || notify::is_thread_of(self.policy.process, thread) {
            return Who::Itself;
        }
        self.of(thread).and_then(|(_, child)| child.kind).unwrap_or(Who::Child)
    }

    /// What a child does to seal itself; none for every other call.
    fn sealing(&mut self, call: &Call) -> Option<Answer> {
        if call.number != libc::SYS_seccomp {
            return None;
        }
        let (process, child) = self.of(call.thread)?;
        match (call.arguments[0], child.kind) {
            (ANNOUNCE, None) => {
                let worker = call.arguments[1] == Role::Worker.number();
                child.kind = Some(if worker { Who::Worker { process, started: false } } else { Who::Tool });
                Some(Answer::Done)
            }
            // The filter that it announced, which can only take away.
            (operation, Some(_))
                if operation == u64::from(libc::SECCOMP_SET_MODE_FILTER) && !child.filtered =>
            {
                child.filtered = true;
                Some(Answer::LetGo)
            }
            _ => None,
        }
    }
}

fn ended(handle: &OwnedFd) -> bool {
    let mut looked = [PollFd::new(handle, PollFlags::IN)];
    poll(&mut looked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
}

/// The watcher at work.
struct Post {
    memory: std::fs::File,
    children: Children,
    ledger: Ledger,
    /// Lines that the pipe had no room for.
    unsaid: Vec<Refusal>,
    /// When it was last looked what is to be said.
    said: Instant,
}

impl Post {
    fn run(
        &mut self,
        socket: &UnixStream,
        listener: BorrowedFd<'_>,
        says: BorrowedFd<'_>,
        tell: &impl Fn(&Refusal),
    ) -> io::Result<()> {
        let mut program_runs = true;
        loop {
            let quiet = self.ledger.is_empty() && self.unsaid.is_empty();
            let wait = Timespec { tv_sec: 0, tv_nsec: GATHER.as_nanos() as i64 };
            let mut looked = vec![PollFd::new(&listener, PollFlags::IN)];
            if program_runs {
                looked.push(PollFd::new(socket, PollFlags::IN));
            }
            match poll(&mut looked, (!quiet).then_some(&wait)) {
                Err(error) if error != rustix::io::Errno::INTR => return Err(error.into()),
                _ => {}
            }
            let (called, asked) =
                (looked[0].revents(), looked.get(1).map_or(PollFlags::empty(), PollFd::revents));
            if called.contains(PollFlags::IN) {
                self.take(listener);
            } else if !called.is_empty() {
                // The last process that was watched has ended.
                self.say(says, true, tell);
                return Ok(());
            }
            if !asked.is_empty() {
                program_runs = rustix::io::read(socket, &mut [0_u8]).is_ok_and(|read| read > 0);
                self.say(says, true, tell);
                if program_runs && self.unsaid.is_empty() {
                    let _ = rustix::io::write(says, format!("{FLUSHED}\n").as_bytes());
                }
            } else if self.said.elapsed() >= GATHER {
                self.say(says, false, tell);
            }
        }
    }

    /// Takes one call and answers it.
    fn take(&mut self, listener: BorrowedFd<'_>) {
        // Its caller may have been killed meanwhile.
        let Ok(call) = notify::receive(listener) else { return };
        if let Some(answer) = self.children.sealing(&call) {
            let _ = notify::answer(listener, call.id, answer);
            return;
        }
        let who = self.children.who(call.thread);
        let memory = |address: u64, buffer: &mut [u8]| read_memory(&self.memory, address, buffer);
        let verdict = decide(&self.children.policy, who, &call, &memory, &|path| path.canonicalize().ok());
        self.remember(who, &call, verdict.answer);
        let _ = notify::answer(listener, call.id, verdict.answer);
        if let Some(with) = verdict.note {
            self.ledger.note(who.word(), words::name(call.number), with);
        }
    }

    fn remember(&mut self, who: Who, call: &Call, answer: Answer) {
        match who {
            // What starts a program as `posix_spawn` does is a child whose number is seen here first.
            Who::Child if call.number == libc::SYS_execve && answer == Answer::LetGo => {
                if self.children.of(call.thread).is_none() {
                    self.children.add(call.thread);
                }
                let known = &mut self.children.policy.known;
                if !known.contains(&call.thread) {
                    // The program may end its children; the oldest are long gone.
                    if known.len() >= MAX_CHILDREN {
                        known.remove(0);
                    }
                    known.push(call.thread);
                }
            }
            Who::Worker { .. } if call.number == libc::SYS_clone3 => {
                if let Some((process, child)) = self.children.of(call.thread) {
                    child.kind = Some(Who::Worker { process, started: true });
                }
            }
            _ => {}
        }
    }

    /// Tells what is due, as far as the pipe takes it.
    fn say(&mut self, says: BorrowedFd<'_>, all: bool, tell: &impl Fn(&Refusal)) {
        self.said = Instant::now();
        // A program that does not listen is told no more until it does; the ledger has its own bounds.
        let due = if self.unsaid.len() < MAX_UNSAID { self.ledger.due(self.said, all) } else { Vec::new() };
        due.iter().for_each(tell);
        self.unsaid.extend(due);
        let mut said = 0;
        for refusal in &self.unsaid {
            let Ok(mut line) = serde_json::to_vec(refusal) else { continue };
            line.push(b'\n');
            if line.len() <= MAX_LINE_BYTES && rustix::io::write(says, &line).is_err() {
                break;
            }
            said += 1;
        }
        self.unsaid.drain(..said);
    }
}

/// Reads as far as can be read, page by page: what follows may not be there.
fn read_memory(memory: &std::fs::File, address: u64, buffer: &mut [u8]) -> usize {
    /// The smallest page there is.
    const PAGE: usize = 4096;
    let mut read = 0;
    while read < buffer.len() {
        let Some(at) = address.checked_add(read as u64) else { break };
        let rest = PAGE - (at as usize % PAGE);
        let end = buffer.len().min(read + rest);
        match memory.read_at(&mut buffer[read..end], at) {
            Ok(more) if more == end - read => read = end,
            _ => break,
        }
        if buffer[..read].contains(&0) && buffer.len() > 64 {
            // A text has ended.
            break;
        }
    }
    read
}
