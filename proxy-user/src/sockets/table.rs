//! The dense table: the places of all legs, in pairs, one pair per session. The index of a pair identifies
//! its two rows (the kernel's or the polled ones) and the process's own counts. Pairs are kept in blocks of
//! 64 whose memory never moves.
//!
//! It knows where things are and which places are free; what the values mean is up to `view`.

use std::{
    array,
    os::fd::RawFd,
    sync::{
        Arc, OnceLock,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
            fence,
        },
    },
};

use parking_lot::{Mutex, MutexGuard, RwLock};
use proxy_common::Row;

use super::{
    ebpf::Kernel,
    places::Places,
    row::AtomicRow,
    view::{Moved, View},
};
use crate::core::side::{PerSide, Side};

/// Pairs per block, one bit each in a word.
pub(crate) const PAIRS: usize = 64;
/// Legs per block.
pub(super) const LEGS: usize = 2 * PAIRS;
/// Stands for a leg's descriptor while there is none.
const NONE: RawFd = -1;

/// The place of a leg: the index of its pair, and its side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LegIndex(u32);

impl LegIndex {
    /// `pair`: below 2^31.
    pub(super) fn new(pair: u32, side: Side) -> LegIndex {
        LegIndex(pair << 1 | u32::from(side == Side::App))
    }

    pub(super) fn pair(self) -> u32 {
        self.0 >> 1
    }

    fn side(self) -> usize {
        self.row() % 2
    }

    /// Index of the kernel's row.
    pub(super) fn row(self) -> usize {
        self.0 as usize
    }

    /// Index in the block's arrays of legs.
    fn in_block(self) -> usize {
        self.row() % LEGS
    }

    fn bit(self) -> u64 {
        1 << (self.pair() as usize % PAIRS)
    }
}

/// The counts of a pair: one cache line.
#[derive(Default)]
#[repr(align(64))]
struct PairMoved([Moved; 2]);

/// The process's own data for 64 pairs.
pub(super) struct Block {
    pub(super) ledger: Arc<Ledger>,
    moved: [PairMoved; PAIRS],
    /// Pairs whose rows do not tell everything.
    noted: AtomicU64,
    /// By side: legs that are polled.
    polled: [AtomicU64; 2],
    /// Rows of polled legs, allocated for the first of them.
    rows: OnceLock<Box<[AtomicRow]>>,
    descriptors: Mutex<[RawFd; LEGS]>,
}

impl Block {
    fn new(ledger: Arc<Ledger>) -> Block {
        Block {
            ledger,
            moved: array::from_fn(|_| PairMoved::default()),
            noted: AtomicU64::new(0),
            polled: Default::default(),
            rows: OnceLock::new(),
            descriptors: Mutex::new([NONE; LEGS]),
        }
    }

    pub(super) fn moved(&self, place: LegIndex) -> &Moved {
        &self.moved[place.pair() as usize % PAIRS].0[place.side()]
    }

    /// The row of a polled leg.
    pub(super) fn polled_row(&self, place: LegIndex) -> Option<&AtomicRow> {
        self.rows.get()?.get(place.in_block())
    }

    pub(super) fn note(&self, place: LegIndex) {
        self.noted.fetch_or(place.bit(), Release);
    }

    /// Puts a leg with this descriptor in its place. `polled`: the initial row, if the leg is polled.
    pub(super) fn occupy(&self, place: LegIndex, fd: RawFd, polled: Option<&Row>) {
        let mut descriptors = self.descriptors();
        let other = descriptors[place.in_block() ^ 1];
        if other == NONE {
            self.noted.fetch_and(!place.bit(), Relaxed);
        }
        if let Some(row) = polled {
            let rows = self.rows.get_or_init(|| (0..LEGS).map(|_| AtomicRow::default()).collect());
            rows[place.in_block()].store(row);
            self.polled[place.side()].fetch_or(place.bit(), Relaxed);
        } else {
            self.polled[place.side()].fetch_and(!place.bit(), Relaxed);
        }
        descriptors[place.in_block()] = fd;
        // A reader that sees counts of this leg also sees that the previous leg has left: see
        // `RegisteredSocket::sample`.
        fence(Release);
    }

    /// Removes a leg from its place; returns whether its pair is now empty. After this, the descriptor is no
    /// longer used here.
    pub(super) fn leave(&self, place: LegIndex) -> bool {
        let mut descriptors = self.descriptors();
        descriptors[place.in_block()] = NONE;
        descriptors[place.in_block() ^ 1] == NONE
    }

    /// Calls `work` with a leg's descriptor, which stays open and in its place meanwhile.
    pub(super) fn with_descriptor<T>(&self, place: LegIndex, work: impl FnOnce(RawFd) -> T) -> T {
        let descriptors = self.descriptors();
        work(descriptors[place.in_block()])
    }

    /// Calls `show` with the descriptors and rows of polled legs. Locks a part of them at a time, so that a
    /// release does not wait long.
    pub(super) fn each_polled(&self, mut show: impl FnMut(RawFd, &AtomicRow)) {
        /// About 100 µs of system calls.
        const PART: usize = 64;
        let Some(rows) = self.rows.get() else { return };
        for start in (0..LEGS).step_by(PART) {
            let descriptors = self.descriptors();
            for at in start..start + PART {
                let polled = self.polled[at % 2].load(Relaxed) >> (at / 2) & 1 == 1;
                if polled && descriptors[at] != NONE {
                    show(descriptors[at], &rows[at]);
                }
            }
        }
    }

    /// How many legs have a kernel row, and how many are polled.
    fn held(&self) -> (usize, usize) {
        let descriptors = self.descriptors();
        let taken = (0..LEGS).filter(|&at| descriptors[at] != NONE);
        let (polled, lent): (Vec<_>, Vec<_>) =
            taken.partition(|at| self.polled[at % 2].load(Relaxed) >> (at / 2) & 1 == 1);
        (lent.len(), polled.len())
    }

    fn descriptors(&self) -> MutexGuard<'_, [RawFd; LEGS]> {
        self.descriptors.lock()
    }
}

/// The free places, and the kernel's rows.
pub(super) struct Ledger {
    pub(super) kernel: Option<Kernel>,
    /// How many pairs have rows in the kernel's table. Any further pairs are polled.
    lent: u32,
    /// Places with kernel rows, and places that are polled.
    places: Mutex<[Places; 2]>,
}

impl Ledger {
    /// How many pairs have rows in the kernel's table.
    pub(super) fn lent(&self) -> u32 {
        self.lent
    }

    /// Releases a pair that both legs have left.
    pub(super) fn give_back(&self, pair: u32) {
        let mut places = self.places();
        let [lent, polled] = &mut *places;
        let places = if pair < self.lent { lent } else { polled };
        places.give_back(pair);
    }

    fn take(&self) -> Option<u32> {
        let mut places = self.places();
        let [lent, polled] = &mut *places;
        lent.take().or_else(|| polled.take())
    }

    fn places(&self) -> MutexGuard<'_, [Places; 2]> {
        self.places.lock()
    }
}

/// All places.
pub(super) struct Table {
    pub(super) ledger: Arc<Ledger>,
    blocks: RwLock<Vec<Arc<Block>>>,
}

impl Table {
    /// A table whose first pairs have kernel rows, if there are any.
    pub(super) fn new(kernel: Option<Kernel>) -> Table {
        let rows = kernel.as_ref().map_or(0, Kernel::rows);
        let lent = u32::try_from(rows / 2).unwrap_or(u32::MAX);
        let places = Mutex::new([Places::new(0..lent), Places::new(lent..u32::MAX >> 1)]);
        Table { ledger: Arc::new(Ledger { kernel, lent, places }), blocks: RwLock::default() }
    }

    /// Takes the lowest free pair; also returns its block. `None` = 2 billion pairs are taken.
    pub(super) fn take(&self) -> Option<(u32, Arc<Block>)> {
        let pair = self.ledger.take()?;
        let number = pair as usize / PAIRS;
        if let Some(block) = self.block(number) {
            return Some((pair, block));
        }
        let mut blocks = self.blocks.write();
        while blocks.len() <= number {
            blocks.push(Arc::new(Block::new(Arc::clone(&self.ledger))));
        }
        Some((pair, Arc::clone(&blocks[number])))
    }

    /// Called at each sweep.
    pub(super) fn swept(&self) {
        self.ledger.places().iter_mut().for_each(Places::swept);
    }

    pub(super) fn block(&self, number: usize) -> Option<Arc<Block>> {
        self.blocks.read().get(number).cloned()
    }

    /// How many legs have a kernel row, and how many are polled.
    pub(super) fn held(&self) -> (usize, usize) {
        let held = (0..).map_while(|number| self.block(number)).map(|block| block.held());
        held.fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1))
    }
}

/// 64 pairs as seen by a sweep. Only valid for pairs that stay registered meanwhile.
pub struct Views<'a> {
    kernel: Option<&'a Kernel>,
    block: Arc<Block>,
    number: usize,
    polled: [u64; 2],
}

impl<'a> Views<'a> {
    pub(super) fn new(table: &'a Table, number: usize) -> Option<Views<'a>> {
        let block = table.block(number)?;
        let polled = [0, 1].map(|side| block.polled[side].load(Relaxed));
        Some(Views { kernel: table.ledger.kernel.as_ref(), block, number, polled })
    }

    /// A bit for each pair whose rows do not tell everything: see `RegisteredSocket::note`.
    #[must_use]
    pub fn noted(&self) -> u64 {
        self.block.noted.load(Acquire)
    }

    /// Both legs of the pair with this number, 0 to 63.
    #[must_use]
    #[inline]
    pub fn pair(&self, bit: usize) -> Option<PerSide<View<'_>>> {
        let moved = &self.block.moved.get(bit)?.0;
        let view = |side: usize| {
            let row = if self.polled[side] >> bit & 1 == 1 {
                self.block.rows.get()?.get(2 * bit + side)?
            } else {
                self.kernel?.row(self.number * LEGS + 2 * bit + side)?
            };
            Some(View { row, moved: &moved[side] })
        };
        Some(PerSide { client: view(0)?, app: view(1)? })
    }
}

impl std::fmt::Debug for Views<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Views").field("number", &self.number).finish_non_exhaustive()
    }
}
