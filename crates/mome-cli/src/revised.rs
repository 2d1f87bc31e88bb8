//! A pack after a change, in words.

use std::path::Path;

use mome_build::{Change, Reply, ReviseOptions, Revised};

/// What changed in the pack, and which facts near by are answered otherwise now.
pub(crate) fn in_words(revised: &Revised, pack: &Path, options: ReviseOptions) -> String {
    let Revised { sequence, shards_written, asked_again, changed, outdated, bytes, objects } = revised;
    let mut lines = vec![match changed.len() {
        0 => format!("{asked_again} facts near by were asked again: all reply as before"),
        changed => {
            format!("{asked_again} facts near by were asked again: {changed} reply otherwise than before")
        }
    }];
    lines.extend(changed.iter().map(change));
    lines.push(format!(
        "{}: edition {sequence}, {shards_written} shards written, {objects} objects, {bytes} bytes",
        pack.display()
    ));
    match (outdated, options.prune) {
        (0, _) => (),
        (outdated, true) => lines.push(format!("{outdated} objects of earlier editions were deleted")),
        (outdated, false) => {
            lines.push(format!("{outdated} objects of earlier editions are left: --prune deletes such"));
        }
    }
    lines.join("\n")
}

fn change(Change { id, question, before, after }: &Change) -> String {
    format!("  {id}, {question}\n    before: {}\n    now:    {}", reply(before), reply(after))
}

/// A reply with the fact that it came from.
pub(crate) fn reply(reply: &Reply) -> String {
    let from = reply.id.as_ref().map(|id| format!(" ({id})"));
    format!("{}{}", reply.text, from.unwrap_or_default())
}
