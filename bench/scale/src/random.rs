//! Random numbers that are the same on every run.

/// xorshift64*.
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next one.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit
    }

    /// `count` different ones below `limit`, in random order.
    pub fn some(&mut self, count: usize, limit: usize) -> Vec<usize> {
        if count * 2 >= limit {
            let mut all: Vec<usize> = (0..limit).collect();
            for i in (1..all.len()).rev() {
                all.swap(i, self.below(i + 1));
            }
            all.truncate(count);
            return all;
        }
        let mut seen = std::collections::HashSet::new();
        let mut chosen = Vec::with_capacity(count);
        while chosen.len() < count {
            let one = self.below(limit);
            if seen.insert(one) {
                chosen.push(one);
            }
        }
        chosen
    }
}
