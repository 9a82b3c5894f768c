//! Shapes of trees, and the lives in them.

use greenproc::{Command, Process, pipe};

/// How many children exist at a time in a wide tree.
const WIDTH: u32 = 1000;
/// How many generations a chain has.
const DEPTH: u32 = 50;
/// How many generations a tree has in which each has two children.
const GENERATIONS: u32 = 6;
/// How many stages a pipeline has.
const STAGES: u32 = 4;
/// What passes through a pipeline.
const MESSAGE: [u8; 64] = [7; 64];

/// Who spawns whom. All bodies are empty but for what the shape needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A thousand children, then a wait for each of them.
    Wide,
    /// A child and a wait for it, then the next.
    Sequential,
    /// Each spawns one and waits for it, fifty generations deep.
    Deep,
    /// Each spawns two and waits for both, six generations deep.
    Bushy,
    /// Four stages with pipes between them, through which 64 bytes pass, as a shell makes them.
    Pipes,
    /// The same with channels.
    Channels,
    /// A child by `vfork`, and a wait for it, then the next.
    Vfork,
}

impl Shape {
    /// The name in table and JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Shape::Wide => "wide",
            Shape::Sequential => "sequential",
            Shape::Deep => "deep",
            Shape::Bushy => "bushy",
            Shape::Pipes => "pipes",
            Shape::Channels => "channels",
            Shape::Vfork => "vfork",
        }
    }

    /// How many lives one of it is.
    pub(crate) const fn unit(self) -> u32 {
        match self {
            Shape::Wide => WIDTH,
            Shape::Sequential | Shape::Vfork => 1,
            Shape::Deep => DEPTH,
            Shape::Bushy => (1 << (GENERATIONS + 1)) - 2,
            Shape::Pipes | Shape::Channels => STAGES,
        }
    }

    /// About how many lives are a phase of a measurement, some ten milliseconds: enough for eight spawners.
    pub(crate) const fn phase(self) -> u32 {
        match self {
            Shape::Wide => 16_000,
            Shape::Sequential | Shape::Pipes | Shape::Channels => 4_000,
            Shape::Deep | Shape::Vfork => 2_000,
            Shape::Bushy => 2_016,
        }
    }

    /// Brings one of it about, and waits for all that is in it.
    pub(crate) fn live(self, p: &Process) -> greenproc::Result<()> {
        match self {
            Shape::Wide => {
                for _ in 0..WIDTH {
                    p.spawn(Command::new("b", |_| {}))?;
                }
                wait(p, WIDTH)
            }
            Shape::Sequential => {
                p.spawn(Command::new("b", |_| {}))?;
                wait(p, 1)
            }
            Shape::Deep => generation(p, 1, DEPTH),
            Shape::Bushy => generation(p, 2, GENERATIONS),
            Shape::Pipes => pipes(p),
            Shape::Channels => channels(p),
            Shape::Vfork => {
                p.vfork(Command::new("b", |_| {}))?;
                wait(p, 1)
            }
        }
    }
}

fn wait(p: &Process, children: u32) -> greenproc::Result<()> {
    for _ in 0..children {
        drop(p.wait()?);
    }
    Ok(())
}

fn generation(p: &Process, children: u32, below: u32) -> greenproc::Result<()> {
    if below == 0 {
        return Ok(());
    }
    for _ in 0..children {
        p.spawn(Command::new("b", move |p| generation(p, children, below - 1)))?;
    }
    wait(p, children)
}

fn pipes(p: &Process) -> greenproc::Result<()> {
    let (mut from, to) = pipe();
    p.spawn(Command::new("b", move |p| to.write_all(p, &MESSAGE)))?;
    for _ in 2..STAGES {
        let (next, to) = pipe();
        let from = std::mem::replace(&mut from, next);
        p.spawn(Command::new("b", move |p| {
            let mut message = [0; MESSAGE.len()];
            let length = from.read(p, &mut message)?;
            to.write_all(p, &message[..length])
        }))?;
    }
    p.spawn(Command::new("b", move |p| from.read(p, &mut [0; MESSAGE.len()]).map(drop)))?;
    wait(p, STAGES)
}

fn channels(p: &Process) -> greenproc::Result<()> {
    let (to, mut from) = crossbeam_channel::bounded(1);
    p.spawn(Command::new("b", move |p| to_status(p.send(&to, MESSAGE).is_ok())))?;
    for _ in 2..STAGES {
        let (to, next) = crossbeam_channel::bounded(1);
        let from = std::mem::replace(&mut from, next);
        p.spawn(Command::new("b", move |p| {
            to_status(p.recv(&from).is_ok_and(|message| p.send(&to, message).is_ok()))
        }))?;
    }
    p.spawn(Command::new("b", move |p| to_status(p.recv(&from).is_ok())))?;
    wait(p, STAGES)
}

fn to_status(ok: bool) -> i32 {
    i32::from(!ok)
}
