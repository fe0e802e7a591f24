//! Checks the engine's protocols: each model in all its executions, and that some model notices where an ordering is weaker.
//!
//! What a model is about stands in the file of its topic; how an access is modelled in ../engine; what may be weaker in
//! ../orderings.txt.

mod ground;
mod kernel;
mod options;
mod orderings;
mod page;
mod sets;
mod slots;
mod tree;
mod waits;
mod world;

use netdeadline_engine::atomic::memory::{check, Bounds, Fences};
use std::time::Instant;

/// One protocol.
#[derive(Clone, Copy)]
pub struct Protocol {
    name: &'static str,
    model: fn(),
    /// How many fewer preemptions than others it is given.
    fewer: usize,
}

impl Protocol {
    const fn new(name: &'static str, model: fn()) -> Protocol {
        Protocol { name, model, fewer: 0 }
    }

    /// Its executions are many: a thread may lose its turn once less where it need not.
    const fn large(self) -> Protocol {
        Protocol { fewer: 1, ..self }
    }

    /// How many executions there were, or what went wrong in one.
    fn check(&self, most: usize) -> Result<usize, String> {
        self.check_some(most, None)
    }

    /// The same of at most so many executions.
    fn check_some(&self, most: usize, executions: Option<usize>) -> Result<usize, String> {
        let mut all = 0;
        for fences in [Fences::Leading, Fences::Trailing] {
            let bounds = Bounds { preemptions: Some(most.saturating_sub(self.fewer)), fences, executions };
            all += check(bounds, self.model).map_err(|why| format!("{why} ({fences:?} fences)"))?;
        }
        Ok(all)
    }
}

const USAGE: &str = "protocols [--quick | --all | --write] [PART OF A NAME]...
  --quick  each model with one preemption at most, and one weakened ordering
  --all    two preemptions (the default), and each ordering weakened; what is noticed is compared with orderings.txt
  --write  the same, and print what orderings.txt should be";

fn main() {
    let (words, names): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let has = |word: &str| words.iter().any(|given| given == word);
    if words.iter().any(|word| !["--quick", "--all", "--write"].contains(&word.as_str())) {
        println!("{USAGE}");
        std::process::exit(2);
    }
    let mut all = [ground::ALL, slots::ALL, tree::ALL, sets::ALL, waits::ALL, options::ALL, page::ALL].concat();
    all.retain(|protocol| names.is_empty() || names.iter().any(|name| protocol.name.contains(name.as_str())));
    // What went wrong is said in a line of its own.
    std::panic::set_hook(Box::new(|_| ()));
    let (mut passed, mut failed) = (0, 0);
    let mut say = |good: bool, line: String| {
        println!("{} {line}", if good { "pass " } else { "FAIL " });
        *(if good { &mut passed } else { &mut failed }) += 1;
    };
    if !has("--write") {
        let most = if has("--quick") { 1 } else { 2 };
        for protocol in &all {
            let began = Instant::now();
            match protocol.check(most) {
                Ok(count) => {
                    say(true, format!("{}: {count} executions, {} ms", protocol.name, began.elapsed().as_millis()))
                }
                Err(why) => say(false, format!("{}: {}", protocol.name, why.replace('\n', " "))),
            }
        }
    }
    match (has("--quick"), has("--all"), has("--write")) {
        (true, ..) => orderings::one(&all).into_iter().for_each(|(good, line)| say(good, line)),
        (_, true, _) => orderings::compare(&all).into_iter().for_each(|(good, line)| say(good, line)),
        (_, _, true) => orderings::write(&all),
        _ => {}
    }
    println!("{passed} passed, {failed} failed, 0 skipped");
    std::process::exit(i32::from(failed > 0));
}
