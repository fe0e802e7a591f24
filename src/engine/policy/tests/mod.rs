//! What the policy promises, sentence by sentence.
