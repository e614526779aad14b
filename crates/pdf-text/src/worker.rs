//! The process that reads one PDF: the file on standard input, its text on standard output, page by page.

use std::{
    io::{Read, Write},
    process::ExitCode,
};

use pdf_extract::{Document, PlainTextOutput, output_doc_page};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::{FILE_MAX, TEXT_MAX};

/// How much memory the reading may take, in bytes, besides what the process has at its start.
const MEMORY: u64 = 512 * 1024 * 1024;
/// How much processor time, in seconds.
const SECONDS: u64 = 15;
/// The stack of the reading. A document that nests deeper overflows it and ends the process.
const STACK: usize = 32 * 1024 * 1024;
/// The most pages read.
const PAGES_MAX: usize = 5_000;

/// Variables that the process is started with, so that its allocators take memory as it is used and the limit means what
/// it says.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("MALLOC_ARENA_MAX", "1"),
    ("MIMALLOC_ARENA_EAGER_COMMIT", "0"),
    ("MIMALLOC_ARENA_RESERVE", "16MiB"),
    ("RAYON_NUM_THREADS", "1"),
];

/// Reads the file and ends.
pub fn run() -> ExitCode {
    if confine().is_err() {
        return ExitCode::FAILURE;
    }
    let mut file = Vec::new();
    let most = u64::try_from(FILE_MAX).unwrap_or(u64::MAX);
    if std::io::stdin().lock().take(most).read_to_end(&mut file).is_err() {
        return ExitCode::FAILURE;
    }
    // What a library says of a faulty file is nobody's.
    std::panic::set_hook(Box::new(|_| {}));
    let reading = std::thread::Builder::new().stack_size(STACK).spawn(move || read(&file));
    match reading.map(std::thread::JoinHandle::join) {
        Ok(Ok(Some(()))) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Gives up what the reading does not need.
fn confine() -> std::io::Result<()> {
    let only = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::Core, only(0))?;
    setrlimit(Resource::Fsize, only(0))?;
    setrlimit(Resource::Nofile, only(8))?;
    setrlimit(Resource::Cpu, only(SECONDS))?;
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = text.split_whitespace().nth(5).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    let used = pages.saturating_mul(u64::try_from(rustix::param::page_size()).unwrap_or(4_096));
    Ok(setrlimit(Resource::Data, only(used.saturating_add(MEMORY)))?)
}

fn read(file: &[u8]) -> Option<()> {
    let mut document = Document::load_mem(file).ok()?;
    if document.is_encrypted() {
        // Many a file is locked with the empty password, which every viewer tries.
        document.decrypt("").ok()?;
    }
    let mut written = 0_usize;
    for number in document.get_pages().into_keys().take(PAGES_MAX) {
        // The library panics where a page is not as it should be; the other pages count all the same.
        let page = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut text = String::new();
            let mut output = PlainTextOutput::new(&mut text);
            let done = output_doc_page(&document, &mut output, number);
            done.ok().map(|()| text)
        }));
        let Ok(Some(text)) = page else { continue };
        let mut out = std::io::stdout().lock();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        for line in lines.chain([""]) {
            out.write_all(line.as_bytes()).ok()?;
            out.write_all(b"\n").ok()?;
            written = written.saturating_add(line.len() + 1);
        }
        out.flush().ok()?;
        if written > TEXT_MAX {
            return Some(());
        }
    }
    Some(())
}
