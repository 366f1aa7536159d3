//! Payloads of the pings requested by the sweep, by which their pongs are recognised.

use super::random::ping_payload;
use crate::core::frame::{Chunk, Opcode};

/// The payloads of the pings to one peer. The last byte is a counter, the others stay the same.
#[derive(Debug, Default)]
pub(super) struct PingPayloads {
    /// Payload of the newest ping; zeros before the first.
    newest: [u8; 8],
}

impl PingPayloads {
    /// The payload of the next ping.
    pub(super) fn next(&mut self, seed: u64) -> [u8; 8] {
        if self.newest == [0; 8] {
            self.newest = ping_payload(seed);
        }
        let [.., count] = &mut self.newest;
        *count = count.wrapping_add(1);
        self.newest
    }

    /// Whether this is a pong to one of our pings: `Some(true)` if to the newest.
    #[inline]
    pub(super) fn pong(&self, chunk: &Chunk, payload: &[u8]) -> Option<bool> {
        let header = chunk.header.filter(|header| header.start.opcode == Opcode::Pong)?;
        let mut payload = <[u8; 8]>::try_from(payload).ok().filter(|_| chunk.ends)?;
        let key = header.mask.unwrap_or_default();
        payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        let ours = self.newest != [0; 8] && payload[..7] == self.newest[..7];
        ours.then_some(payload == self.newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::frame::{Parser, Rules, own_frame};

    fn seen(
        ping_payloads: &PingPayloads,
        opcode: Opcode,
        payload: &[u8],
        mask: Option<[u8; 4]>,
    ) -> Option<bool> {
        let frame = own_frame(opcode, payload, mask);
        let rules = Rules { masked: mask.is_some(), rsv: 0, max_frame: u64::MAX };
        let chunk = Parser::new(rules).next(&frame).unwrap().unwrap();
        ping_payloads.pong(&chunk, &frame[chunk.header.unwrap().size..])
    }

    #[test]
    fn pongs_to_ours_are_known() {
        let mut ping_payloads = PingPayloads::default();
        assert_eq!(seen(&ping_payloads, Opcode::Pong, &[0; 8], None), None, "none was sent");
        let (first, second) = (ping_payloads.next(1), ping_payloads.next(1));
        assert_ne!(first, second);
        for mask in [None, Some([1, 2, 3, 250])] {
            assert_eq!(seen(&ping_payloads, Opcode::Pong, &first, mask), Some(false));
            assert_eq!(seen(&ping_payloads, Opcode::Pong, &second, mask), Some(true));
            assert_eq!(seen(&ping_payloads, Opcode::Ping, &second, mask), None);
            assert_eq!(seen(&ping_payloads, Opcode::Pong, b"", mask), None);
            assert_eq!(seen(&ping_payloads, Opcode::Pong, &[7; 8], mask), None);
            assert_eq!(
                seen(&ping_payloads, Opcode::Pong, &[&second[..], &[0]].concat(), mask),
                None
            );
        }
    }

    #[test]
    fn the_count_goes_round() {
        let mut ping_payloads = PingPayloads::default();
        let first = ping_payloads.next(1);
        for _ in 0..256 {
            ping_payloads.next(1);
        }
        assert_eq!(ping_payloads.newest, first);
        assert_eq!(first[..3], *b"ebb");
    }
}
