//! The polled writer: fills rows in the process's own memory from `TCP_INFO` and `SIOCOUTQ`.
//!
//! It only queries registered legs, and never a descriptor whose leg has been released: the table provides
//! descriptors under the lock that a release takes.

use std::os::fd::{BorrowedFd, RawFd};

use proxy_common::Row;

use super::{
    row::AtomicRow,
    table::Table,
    tcp_info::{self, Account},
};
use crate::core::{stall::TcpState, time::Nanos};

/// Queries every polled socket and writes its row. `now`: the time of the sweep.
pub(super) fn refresh(table: &Table, now: Nanos) {
    for block in (0..).map_while(|number| table.block(number)) {
        block.each_polled(|fd, row| write(row, ask(fd), now));
    }
}

fn ask(fd: RawFd) -> Option<Account> {
    // SAFETY: `RegisteredSocket::release` removes the number under the table's lock before its owner closes
    // the descriptor, so it is open here.
    tcp_info::account(unsafe { BorrowedFd::borrow_raw(fd) }).ok()
}

/// Updates a row. A descriptor that cannot be queried has no connection.
fn write(row: &AtomicRow, account: Option<Account>, now: Nanos) {
    let old = row.load();
    let new = match account {
        Some(account) => {
            let grown = account.acked > old.bytes_acked;
            Row {
                cookie: old.cookie,
                progress_ns: if grown { now.0 } else { old.progress_ns },
                event_ns: now.0,
                ..as_row(&account)
            }
        }
        None => Row { state: TcpState::Close as u32, event_ns: now.0, ..old },
    };
    row.store(&new);
}

/// The row of a socket that was just queried.
pub(super) fn as_row(account: &Account) -> Row {
    Row {
        bytes_acked: account.acked,
        bytes_received: account.received,
        queued: account.queued,
        snd_wnd: account.window,
        srtt_us: account.srtt_us,
        retransmits: account.retransmits,
        timeouts: account.timeouts,
        state: account.state,
        ..Row::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_when_acks_grew_and_a_lost_descriptor_is_closed() {
        let row = AtomicRow::default();
        let account = Account { acked: 10, state: 1, ..Account::default() };
        row.store(&Row { cookie: 7, ..as_row(&account) });
        write(&row, Some(account), Nanos(5));
        assert_eq!((row.load().progress_ns, row.load().event_ns), (0, 5));
        write(&row, Some(Account { acked: 11, ..account }), Nanos(6));
        write(&row, Some(Account { acked: 11, ..account }), Nanos(7));
        assert_eq!((row.load().progress_ns, row.load().event_ns), (6, 7));
        write(&row, None, Nanos(8));
        let last = row.load();
        assert_eq!((last.cookie, last.bytes_acked, last.state), (7, 11, 7));
    }
}
