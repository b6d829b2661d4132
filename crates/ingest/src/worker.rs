//! How is a file read in a process that can be stopped?
//!
//! Readers meet files that are made to exhaust or crash them. A [`Pool`] keeps a few worker processes; each reads one
//! file at a time under limits of memory and processor time that the kernel keeps. A worker that takes too long is
//! killed, one that falls is replaced, and the file that caused it gets a clear reason. [`serve`] is the worker's side.
//!
//! The time of a file is the processor time of its worker, so that a busy machine does not make a sound file fail; what
//! computes without end ends as soon on an idle machine. The worker sets that limit itself before each file: its parent is
//! sealed in `serve`, may not look into `/proc` for it, and a look would stand in the journal. So the parent keeps a limit
//! by the clock besides, for a worker that waits without end, or is somebody else's by now and has lifted its own.
//!
//! A message is a frame: the lengths of its two parts (4 and 8 bytes, little-endian), a JSON head, raw bytes. Raw bytes
//! are the file on the way in and the pictures for OCR on the way out.

use std::any::Any;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use intramuros_core::document::{ExtractError, Extracted, Limits, PageLook, PageWish};
use serde::{Deserialize, Serialize};

use crate::ocr::Ocr;

/// Stack of the thread that reads: parsers descend as deep as `Limits::nesting` and the libraries' own limits allow.
const STACK_BYTES: usize = 64 << 20;

/// A worker that holds more than this after a file is replaced before the next one: what it keeps is of no use, and
/// would count against the next file's memory.
const RESIDENT_KEPT: u64 = 192 << 20;

/// How often a worker looks whether the program that started it is still there. A second: one that was killed leaves nothing
/// behind that computes for longer, and a look costs next to nothing.
const LOOK_FOR_PARENT: Duration = Duration::from_secs(1);

/// Longest JSON head of a request: a name and the limits.
const REQUEST_HEAD: u64 = 1 << 20;

/// Longer error output of a worker isn't kept; the reason stands in the first line.
const STDERR_KEPT: u64 = 4 << 10;

/// By the clock, reading a file may take its time so often. 5: for a worker that gets a fifth of a processor, as among
/// a few programs that compute on a small machine. 1 where workers don't limit their processor time.
pub(crate) const CLOCK: u32 = if cfg!(target_os = "linux") { 5 } else { 1 };

#[derive(Debug, Serialize, Deserialize)]
struct Request {
    name: String,
    limits: Limits,
    task: Task,
}

/// What is to be done with a file.
#[derive(Debug, Serialize, Deserialize)]
enum Task {
    Read,
    /// A page of it is looked at.
    Look(PageWish),
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
enum Done {
    Read(Extracted),
    Looked(PageLook),
}

#[derive(Debug, Serialize, Deserialize)]
struct Reply {
    outcome: Result<Done, ExtractError>,
    /// Sizes of the pictures in the raw part, in the order of [`take_pictures`].
    pictures: Vec<u64>,
    /// Memory that the worker holds now, in bytes; 0 where the system doesn't tell.
    resident: u64,
}

/// Serves requests until the input ends. The worker's whole life: call it from a hidden subcommand with standard input
/// and output, and do nothing else in that process. From the first request on, the process may use no more memory than
/// that request's limits say, and leaves no core file; on Linux the kernel ends it when a request takes more processor
/// time than its limits say.
///
/// # Errors
/// When a frame is broken or a stream fails.
pub fn serve(input: impl Read + Send, output: impl Write + Send) -> io::Result<()> {
    // A reader's panic is an answer (`Crashed`), not something to print.
    std::panic::set_hook(Box::new(|_| {}));
    let started_by = parent();
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).name("reader".to_owned());
        let (done, ended) = mpsc::channel::<()>();
        let thread = thread.spawn_scoped(scope, move || {
            let _done = done;
            serve_all(input, output)
        })?;
        while ended.recv_timeout(LOOK_FOR_PARENT) == Err(mpsc::RecvTimeoutError::Timeout) {
            if parent() != started_by {
                // Nobody is left to take what it reads.
                std::process::exit(0);
            }
        }
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the worker's thread fell")))
    })
}

/// The process that started this one; another one, once that is gone.
#[cfg(unix)]
fn parent() -> Option<rustix::process::Pid> {
    rustix::process::getppid()
}

#[cfg(not(unix))]
fn parent() -> Option<u32> {
    None
}

fn serve_all(input: impl Read, output: impl Write) -> io::Result<()> {
    let (mut input, mut output) = (BufReader::new(input), BufWriter::new(output));
    let mut limited = false;
    while let Some((head, bytes)) = read_frame(&mut input, REQUEST_HEAD, u64::MAX)? {
        let request: Request = serde_json::from_slice(&head)?;
        if !limited {
            limit_self(request.limits.memory_bytes);
            limited = true;
        }
        limit_processor(Some(request.limits.time));
        let mut outcome = match &request.task {
            Task::Read => read_caught(&request.name, &bytes, &request.limits).map(Done::Read),
            Task::Look(wish) => look_caught(&bytes, wish).map(Done::Looked),
        };
        drop(bytes);
        let mut pictures = Vec::new();
        match &mut outcome {
            Ok(Done::Read(extracted)) => take_pictures(extracted, &mut pictures),
            Ok(Done::Looked(look)) => pictures.push(std::mem::take(&mut look.picture)),
            Err(_) => {}
        }
        let sizes = pictures.iter().map(|picture| picture.len() as u64).collect();
        let head = serde_json::to_vec(&Reply { outcome, pictures: sizes, resident: resident() })?;
        write_frame(&mut output, &head, &pictures)?;
        // Taking in the next file is no part of this one's time.
        limit_processor(None);
    }
    Ok(())
}

/// Reads a file and turns a reader's panic into an error.
fn read_caught(name: &str, bytes: &[u8], limits: &Limits) -> Result<Extracted, ExtractError> {
    catch_unwind(AssertUnwindSafe(|| crate::extract(name, bytes, limits))).unwrap_or_else(crashed)
}

/// Looks at a page and turns a renderer's panic into an error.
fn look_caught(bytes: &[u8], wish: &PageWish) -> Result<PageLook, ExtractError> {
    catch_unwind(AssertUnwindSafe(|| crate::pdf::look(bytes, wish))).unwrap_or_else(crashed)
}

fn crashed<T>(panic: Box<dyn Any + Send>) -> Result<T, ExtractError> {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    Err(ExtractError::Crashed(message.chars().take(200).collect()))
}

/// Ends this process (by `SIGXCPU`) when it has used so much more processor time; with none, it may use as much as it
/// likes. Where the system refuses or has no such limit, the parent's limit by the clock still holds.
fn limit_processor(time: Option<Duration>) {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        use rustix::time::{ClockId, clock_gettime};
        let used = Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default();
        let hard = getrlimit(Resource::Cpu).maximum;
        let wanted = time.map(|time| last_second(used, time));
        let current = match (wanted, hard) {
            (Some(wanted), Some(hard)) => Some(wanted.min(hard)),
            (wanted, hard) => wanted.or(hard),
        };
        let _ = setrlimit(Resource::Cpu, Rlimit { current, maximum: hard });
    }
    #[cfg(not(target_os = "linux"))]
    let _ = time;
}

/// The second of a process's processor time at which a file ends that may take `time` and begins at `used`. The kernel
/// counts whole seconds: they are rounded down, so that the limit holds, but a file has more than one.
#[cfg(target_os = "linux")]
fn last_second(used: Duration, time: Duration) -> u64 {
    used.saturating_add(time).as_secs().max(used.as_secs() + 2)
}

/// Limits this process: `memory` bytes beyond what it has mapped now, and no core file. Where the system refuses, the
/// parent's time limit still holds.
fn limit_self(memory: u64) {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        // A sealed worker can't see what it has mapped. Then only what it writes to is counted: there is nothing of that
        // yet but the reader's stack.
        let (resource, before) = match statm(0) {
            Some(mapped) => (Resource::As, mapped),
            None => (Resource::Data, STACK_BYTES as u64),
        };
        let wanted = before.saturating_add(memory);
        let hard = getrlimit(resource).maximum;
        let wanted = hard.map_or(wanted, |hard| wanted.min(hard));
        // A refusal leaves the old limit, which is what there was before.
        let _ = setrlimit(resource, Rlimit { current: Some(wanted), maximum: hard });
        // In a sealed worker there is none already, and asking again would be refused, and noted.
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        if getrlimit(Resource::Core) != none {
            let _ = setrlimit(Resource::Core, none);
        }
    }
    #[cfg(not(unix))]
    let _ = memory;
}

/// Memory that this process holds in RAM, in bytes; 0 when it is sealed and can't see it.
fn resident() -> u64 {
    statm(1).unwrap_or(0)
}

/// A field of the kernel's page counts for this process (0: mapped, 1: resident), in bytes.
fn statm(field: usize) -> Option<u64> {
    #[cfg(target_os = "linux")]
    if rustix::process::dumpable_behavior() == Ok(rustix::process::DumpableBehavior::NotDumpable) {
        // Sealed: the file can't be opened, and trying would be noted as an attempt.
        return None;
    }
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(field)?.parse().ok()?;
    #[cfg(unix)]
    let page = rustix::param::page_size() as u64;
    #[cfg(not(unix))]
    let page = 4096;
    Some(pages * page)
}

/// Moves the bytes of all pictures out, parts included, in a fixed order.
fn take_pictures(extracted: &mut Extracted, out: &mut Vec<Vec<u8>>) {
    for picture in &mut extracted.pictures {
        out.push(std::mem::take(&mut picture.bytes));
    }
    for part in &mut extracted.parts {
        if let Ok(inner) = &mut part.outcome {
            take_pictures(inner, out);
        }
    }
}

/// Puts back what [`take_pictures`] took.
fn put_pictures(extracted: &mut Extracted, bytes: &mut impl Iterator<Item = Vec<u8>>) {
    for picture in &mut extracted.pictures {
        picture.bytes = bytes.next().unwrap_or_default();
    }
    for part in &mut extracted.parts {
        if let Ok(inner) = &mut part.outcome {
            put_pictures(inner, bytes);
        }
    }
}

fn write_frame(output: &mut impl Write, head: &[u8], raw: &[Vec<u8>]) -> io::Result<()> {
    let size: u64 = raw.iter().map(|part| part.len() as u64).sum();
    write_lengths(output, head, size)?;
    output.write_all(head)?;
    for part in raw {
        output.write_all(part)?;
    }
    output.flush()
}

fn write_lengths(output: &mut impl Write, head: &[u8], raw: u64) -> io::Result<()> {
    let head = u32::try_from(head.len()).map_err(|_| io::Error::other("a head of more than 4 GiB"))?;
    output.write_all(&head.to_le_bytes())?;
    output.write_all(&raw.to_le_bytes())
}

/// Reads a frame; none when the stream ends before one begins.
fn read_frame(input: &mut impl Read, head: u64, raw: u64) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut lengths = [0; 12];
    match input.read(&mut lengths)? {
        0 => return Ok(None),
        count => input.read_exact(lengths.get_mut(count..).unwrap_or_default())?,
    }
    let [h0, h1, h2, h3, raw_length @ ..] = lengths;
    let head_length = u64::from(u32::from_le_bytes([h0, h1, h2, h3]));
    let raw_length = u64::from_le_bytes(raw_length);
    if head_length > head || raw_length > raw {
        return Err(io::Error::other("a frame over its limit"));
    }
    Ok(Some((read_exactly(input, head_length)?, read_exactly(input, raw_length)?)))
}

fn read_exactly(input: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0).min(64 << 20));
    if input.take(length).read_to_end(&mut bytes)? as u64 == length {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// By which what is being read is ended: the processes that run are killed, and no other is started. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    state: Arc<Mutex<Stopping>>,
}

#[derive(Debug, Default)]
struct Stopping {
    stopped: bool,
    next: u64,
    /// Tells whoever watches over a process that it is to be killed.
    running: HashMap<u64, mpsc::Sender<()>>,
}

impl Stop {
    /// Ends everything, for good.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        for watch in state.running.values() {
            // Its process may have ended by itself.
            let _ = watch.send(());
        }
    }

    /// Whether everything was ended.
    pub fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Takes part in what can be ended, until the first of both is dropped: then the second hears that the other end is
    /// gone, and before that at most that it is to kill. None when everything was ended already.
    pub(crate) fn enter(&self) -> Option<(Running, mpsc::Receiver<()>)> {
        let mut state = self.lock();
        if state.stopped {
            return None;
        }
        let (kill, waits) = mpsc::channel();
        let number = state.next;
        state.next += 1;
        state.running.insert(number, kill);
        Some((Running { stop: self.clone(), number }, waits))
    }

    fn lock(&self) -> MutexGuard<'_, Stopping> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process that [`Stop`] reaches.
#[derive(Debug)]
pub(crate) struct Running {
    stop: Stop,
    number: u64,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.lock().running.remove(&self.number);
    }
}

/// Why a process is killed before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Its time is over.
    Late,
    /// Everything is to end.
    Stopped,
}

/// What a wait of at most its time says of a process that runs; none when it is done.
pub(crate) fn cut(waited: Result<(), mpsc::RecvTimeoutError>) -> Option<Cut> {
    match waited {
        Ok(()) => Some(Cut::Stopped),
        Err(mpsc::RecvTimeoutError::Timeout) => Some(Cut::Late),
        Err(mpsc::RecvTimeoutError::Disconnected) => None,
    }
}

/// Why a file was not read that was being read when everything was ended. No fault of the file.
pub(crate) fn stopped() -> ExtractError {
    ExtractError::Unreadable("the program was stopped while it was read".to_owned())
}

/// A worker process with its pipes.
#[derive(Debug)]
struct Worker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    errors: ChildStderr,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may be gone already; what matters is that no process and no zombie stays.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A few worker processes that read files. Threads share it; a call blocks until a worker is free and its file is read.
#[derive(Debug)]
pub struct Pool {
    program: PathBuf,
    arguments: Vec<OsString>,
    limits: Limits,
    workers: usize,
    state: Mutex<State>,
    freed: Condvar,
    stop: Stop,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Worker>,
    busy: usize,
}

impl Pool {
    /// A pool of at most `workers` processes (at least one), started when first needed with this program and these
    /// arguments: a program that calls [`serve`] with its standard input and output.
    pub fn new(
        program: impl Into<PathBuf>,
        arguments: Vec<OsString>,
        workers: usize,
        limits: Limits,
    ) -> Pool {
        Pool {
            program: program.into(),
            arguments,
            limits,
            workers: workers.max(1),
            state: Mutex::default(),
            freed: Condvar::new(),
            stop: Stop::default(),
        }
    }

    /// Kills the workers, and starts no other: what they read comes back as not read.
    pub fn stop(&self) {
        self.stop.stop();
        let idle = std::mem::take(&mut self.lock().idle);
        drop(idle);
    }

    /// The limits of each file.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reads one file in a worker.
    ///
    /// # Errors
    /// As [`crate::extract`]; besides, Time when it took too long, Crashed when the worker fell, and Unreadable when no
    /// worker could be started.
    pub fn extract(&self, name: &str, bytes: &[u8]) -> Result<Extracted, ExtractError> {
        self.extract_within(name, bytes, &self.limits)
    }

    /// Reads one file in a worker, under other limits than the pool's (memory stays the pool's).
    ///
    /// # Errors
    /// As [`Pool::extract`].
    pub fn extract_within(
        &self,
        name: &str,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Extracted, ExtractError> {
        match self.run(Task::Read, name, bytes, limits)? {
            Done::Read(extracted) => Ok(extracted),
            Done::Looked(_) => Err(out_of_step()),
        }
    }

    /// Looks at a page of a PDF in a worker.
    ///
    /// # Errors
    /// As [`crate::pdf::look`], and as [`Pool::extract`].
    pub fn look(&self, bytes: &[u8], wish: &PageWish) -> Result<PageLook, ExtractError> {
        match self.run(Task::Look(wish.clone()), "", bytes, &self.limits)? {
            Done::Looked(look) => Ok(look),
            Done::Read(_) => Err(out_of_step()),
        }
    }

    fn run(&self, task: Task, name: &str, bytes: &[u8], limits: &Limits) -> Result<Done, ExtractError> {
        crate::check_size(bytes, limits)?;
        let limits = Limits { memory_bytes: self.limits.memory_bytes, ..limits.clone() };
        let request = Request { name: name.to_owned(), limits, task };
        let slot = self.slot();
        if self.stop.is_stopped() {
            return Err(stopped());
        }
        let used = slot.1.is_some();
        let mut worker = slot.1.map_or_else(|| self.start(), Ok)?;
        let mut reply = ask(&mut worker, &request, bytes, &self.stop);
        let fell = matches!(&reply, Err(why) if !matches!(why, ExtractError::Time(_)));
        if used && fell && !self.stop.is_stopped() {
            // What it kept of other files may be why it fell (a sealed worker can't tell how much that is): this file
            // gets a worker of its own before it is blamed.
            worker = self.start()?;
            reply = ask(&mut worker, &request, bytes, &self.stop);
        }
        let reply = reply?;
        if reply.resident < RESIDENT_KEPT && !self.stop.is_stopped() {
            self.lock().idle.push(worker);
        }
        drop(slot.0);
        reply.outcome
    }

    /// Waits until fewer than `workers` are busy, and takes an idle one when there is one.
    fn slot(&self) -> (Busy<'_>, Option<Worker>) {
        let mut state = self.lock();
        while state.busy >= self.workers {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.busy += 1;
        (Busy { pool: self }, state.idle.pop())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> Result<Worker, ExtractError> {
        self.spawn().map_err(|error| {
            let program = self.program.display();
            ExtractError::Unreadable(format!("no worker could be started ({program}: {error})"))
        })
    }

    fn spawn(&self) -> io::Result<Worker> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A worker needs no secrets of its parent's environment.
        #[cfg(unix)]
        command.env_clear();
        apart(&mut command);
        // With an arena for each thread the C library looks into /proc when it gives memory back: the kernel refuses
        // that, and the refusal would stand in the journal.
        command.env("MALLOC_ARENA_MAX", "1");
        let mut child = command.spawn()?;
        match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(input), Some(output), Some(errors)) => {
                Ok(Worker { child, input, output: BufReader::with_capacity(64 << 10, output), errors })
            }
            _ => Err(io::Error::other("a worker without pipes")),
        }
    }
}

/// Has a process start apart from the terminal's Ctrl+C: that is for the program, which ends its processes itself. One that
/// ends before the program hears of it would look like one that fell over its file.
pub(crate) fn apart(command: &mut Command) {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        command.process_group(0);
    }
    #[cfg(not(unix))]
    let _ = command;
}

/// A slot in use; given back when dropped, whatever happened.
struct Busy<'p> {
    pool: &'p Pool,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.pool.lock().busy -= 1;
        self.pool.freed.notify_one();
    }
}

/// Sends a request and waits for the reply. After an error the worker is gone.
fn ask(worker: &mut Worker, request: &Request, bytes: &[u8], stop: &Stop) -> Result<Reply, ExtractError> {
    let Some((running, waits)) = stop.enter() else { return Err(stopped()) };
    let Worker { child, input, output, .. } = worker;
    let (reply, cut_off) = std::thread::scope(|scope| {
        let watch = scope.spawn(move || {
            let why = cut(waits.recv_timeout(clock_time(request)))?;
            // Killing closes its pipes, which ends the exchange below.
            let killed = child.kill().is_ok();
            (killed || why == Cut::Stopped).then_some(why)
        });
        let reply = exchange(input, output, request, bytes);
        drop(running);
        (reply, watch.join().unwrap_or(None))
    });
    match (cut_off, reply) {
        (Some(Cut::Stopped), _) => Err(stopped()),
        (Some(Cut::Late), _) => Err(ExtractError::Time(request.limits.time)),
        (None, Ok(reply)) => Ok(reply),
        (None, Err(_)) => Err(why_it_fell(worker, request.limits.time)),
    }
}

/// How long a request may take by the clock. Somebody waits for a page to look at: there the clock alone counts.
fn clock_time(request: &Request) -> Duration {
    match request.task {
        Task::Read => request.limits.time.saturating_mul(CLOCK),
        Task::Look(_) => request.limits.time,
    }
}

fn exchange(
    input: &mut ChildStdin,
    output: &mut impl Read,
    request: &Request,
    bytes: &[u8],
) -> io::Result<Reply> {
    let head = serde_json::to_vec(request)?;
    write_lengths(input, &head, bytes.len() as u64)?;
    input.write_all(&head)?;
    input.write_all(bytes)?;
    input.flush()?;
    // A worker can't answer with more than it could hold.
    let most = request.limits.memory_bytes;
    let (head, raw) = read_frame(output, most, most)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut reply: Reply = serde_json::from_slice(&head)?;
    let mut rest = raw.as_slice();
    let mut pictures = reply.pictures.iter().map(|size| {
        let (picture, after) = rest.split_at(usize::try_from(*size).unwrap_or(0).min(rest.len()));
        rest = after;
        picture.to_vec()
    });
    match &mut reply.outcome {
        Ok(Done::Read(extracted)) => put_pictures(extracted, &mut pictures),
        Ok(Done::Looked(look)) => look.picture = pictures.next().unwrap_or_default(),
        Err(_) => {}
    }
    Ok(reply)
}

/// A worker that answers another question than it was asked.
fn out_of_step() -> ExtractError {
    ExtractError::Crashed("the worker is out of step".to_owned())
}

/// Why a worker that had `time` ended without an answer, from its exit and what it printed last.
fn why_it_fell(worker: &mut Worker, time: Duration) -> ExtractError {
    // When it is only the pipe that broke, the process must not stay.
    std::thread::sleep(Duration::from_millis(5));
    let ended = worker.child.try_wait();
    if !matches!(ended, Ok(Some(_))) {
        let _ = worker.child.kill();
    }
    let status = worker.child.wait();
    if status.as_ref().is_ok_and(is_out_of_time) {
        return ExtractError::Time(time);
    }
    let mut printed = Vec::new();
    // It is gone, so its pipe ends.
    let _ = (&mut worker.errors).take(STDERR_KEPT).read_to_end(&mut printed);
    let printed = String::from_utf8_lossy(&printed);
    if printed.contains("memory allocation") || printed.contains("out of memory") {
        return ExtractError::Limit("it needed more memory than allowed".to_owned());
    }
    let text = match status {
        _ if printed.contains("overflowed its stack") => "it is nested too deeply".to_owned(),
        Ok(status) => format!("the worker ended ({status})"),
        Err(error) => format!("the worker ended ({error})"),
    };
    ExtractError::Crashed(text)
}

/// Whether the kernel ended a process because its processor time was over.
fn is_out_of_time(status: &ExitStatus) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        status.signal() == Some(rustix::process::Signal::XCPU.as_raw())
    }
    #[cfg(not(unix))]
    {
        let _ = status;
        false
    }
}

/// Reads files: in this process (tests, trusted input) or in workers (everything else).
#[derive(Debug)]
pub enum Extractor {
    /// In this process; a panic is caught, but time and memory aren't limited.
    InProcess(Limits),
    /// In worker processes.
    Workers(Pool),
}

impl Extractor {
    /// The limits of each file.
    pub fn limits(&self) -> &Limits {
        match self {
            Extractor::InProcess(limits) => limits,
            Extractor::Workers(pool) => pool.limits(),
        }
    }

    /// Reads one file without OCR: what holds only pictures of text ends as NeedsOcr.
    ///
    /// # Errors
    /// As [`Pool::extract`].
    pub fn extract(&self, name: &str, bytes: &[u8]) -> Result<Extracted, ExtractError> {
        self.extract_with(name, bytes, None)
    }

    /// Reads one file, and pictures of text through OCR when there is one. OCR runs in processes of its own.
    ///
    /// # Errors
    /// As [`Pool::extract`]; NeedsOcr when there are only pictures and OCR is missing or finds nothing.
    pub fn extract_with(
        &self,
        name: &str,
        bytes: &[u8],
        ocr: Option<&Ocr>,
    ) -> Result<Extracted, ExtractError> {
        let mut limits = self.limits().clone();
        if ocr.is_none() {
            // Nobody would read them: they are counted, not drawn.
            limits.pictures = 0;
        }
        let extracted = match self {
            Extractor::InProcess(_) => read_caught(name, bytes, &limits),
            Extractor::Workers(pool) => pool.extract_within(name, bytes, &limits),
        }?;
        match (ocr, self) {
            (None, _) => Ok(extracted),
            (Some(ocr), Extractor::InProcess(_)) => ocr.complete(extracted),
            (Some(ocr), Extractor::Workers(pool)) => ocr.complete_until(extracted, &pool.stop),
        }
    }

    /// Ends what is being read, OCR included, and reads nothing any more: what was asked for comes back as not read. In this
    /// process nothing can be ended.
    pub fn stop(&self) {
        match self {
            Extractor::InProcess(_) => {}
            Extractor::Workers(pool) => pool.stop(),
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_something_else_kills_is_told_from_one_that_falls() {
        // The library looks for the signal's name: such a file is read once more.
        let reason = |what: &str| {
            let pool = Pool::new("/bin/sh", vec!["-c".into(), what.into()], 1, Limits::default());
            pool.extract("a.txt", b"text").unwrap_err().to_string()
        };
        let killed = reason("kill -KILL $$");
        assert!(killed.starts_with("the reader fell: ") && killed.contains("SIGKILL"), "{killed}");
        let fell = reason("kill -TERM $$");
        assert!(fell.starts_with("the reader fell: ") && !fell.contains("SIGKILL"), "{fell}");
    }

    #[test]
    fn a_file_has_its_own_time_whatever_its_worker_used_before() {
        let check = |used: u64, time: u64, expected| {
            assert_eq!(last_second(Duration::from_millis(used), Duration::from_millis(time)), expected);
        };
        check(20, 60_000, 60);
        check(70_000, 60_000, 130);
        check(70_900, 60_000, 130);
        // Never less than a second.
        check(900, 1_000, 2);
        check(70_900, 200, 72);
    }
}
