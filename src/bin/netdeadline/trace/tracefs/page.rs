//! The kernel's trace buffer: the records of a page of `trace_pipe_raw`. What is in a record is format.rs's.
//!
//! Source: include/linux/ring_buffer.h and kernel/trace/ring_buffer.c; tracefs says the same in events/header_page and
//! events/header_event. A page is the kernel's, but nothing here trusts its lengths.

/// Each record with its time.
pub fn records<'a>(page: &'a [u8], tell: &mut dyn FnMut(u64, &'a [u8])) {
    let word = |at: usize| Some(u32::from_ne_bytes(page.get(at..at.checked_add(4)?)?.try_into().ok()?));
    let long = |at: usize| Some(u64::from_ne_bytes(page.get(at..at.checked_add(8)?)?.try_into().ok()?));
    // The page's own time, then how much is written, with two flags above.
    let (Some(mut time), Some(commit)) = (long(0), long(8)) else { return };
    let end = (16 + (commit & 0x3fff_ffff) as usize).min(page.len());
    let mut at = 16;
    while at + 4 <= end {
        let Some(head) = word(at) else { return };
        let (kind, delta) = (head & 31, u64::from(head >> 5));
        let next = || word(at + 4).map(|word| word as usize);
        let size = match kind {
            // What is longer than 28 words has its length, which counts itself, behind the head.
            0 => {
                let Some(length) = next() else { return };
                time += delta;
                if let Some(record) = page.get(at + 8..(at + 4).saturating_add(length).min(end)) {
                    tell(time, record);
                }
                length.saturating_add(4)
            }
            1..=28 => {
                let length = kind as usize * 4;
                time += delta;
                if let Some(record) = page.get(at + 4..(at + 4 + length).min(end)) {
                    tell(time, record);
                }
                length + 4
            }
            // Padding: to the end of the page, or in the place of a record that was given up.
            29 if delta == 0 => return,
            29 => {
                let Some(length) = next() else { return };
                time += delta;
                length.saturating_add(4)
            }
            // Time goes on by more than 27 bits.
            30 => {
                let Some(high) = next() else { return };
                time += delta | (high as u64) << 27;
                8
            }
            // The time itself, in 59 bits; what is above stays as it was.
            _ => {
                let Some(high) = next() else { return };
                time = time & !((1 << 59) - 1) | delta | (high as u64) << 27;
                8
            }
        };
        at = at.saturating_add(size.max(4));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(words: &[u32]) -> Vec<u8> {
        let mut page: Vec<u8> = 1_000_u64.to_ne_bytes().into();
        page.extend((words.len() as u64 * 4).to_ne_bytes());
        page.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        page
    }

    fn read(words: &[u32]) -> Vec<(u64, usize)> {
        let mut seen = Vec::new();
        records(&page(words), &mut |time, record| seen.push((time, record.len())));
        seen
    }

    #[test]
    fn times_add_up_over_every_kind_of_entry() {
        let small = |delta: u32| [2 | delta << 5, 7, 7];
        let entries = [&small(5)[..], &[30 | 1 << 5, 1], &[29 | 2 << 5, 8, 0], &[3 << 5, 12, 9, 9], &small(1)].concat();
        let extended = 1_005 + 1 + (1 << 27) + 2 + 3;
        assert_eq!(read(&entries), [(1_005, 8), (extended, 8), (extended + 1, 8)]);
        assert_eq!(read(&[31 | 4 << 5, 0, 1 | 1 << 5, 0]), [(5, 4)]);
    }

    #[test]
    fn no_length_leads_out_of_the_page() {
        for words in
            [&[0_u32][..], &[0, u32::MAX], &[29 | 32, u32::MAX], &[28], &[30], &[31], &[29], &[1 | 32, 5, 0, 0]]
        {
            read(words);
        }
        for length in 0..24 {
            records(&page(&[1, 2])[..length], &mut |_, record| assert!(record.len() <= 8));
        }
    }
}
