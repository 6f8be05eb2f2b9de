import type { Command } from 'commander'

/** Adds the flag that `wantsEvents` looks for. */
export const addLogOption = (command: Command): Command =>
  command.option(
    '--log-json',
    'for log collectors: write events to the error stream, a JSON object per line, instead of notes and progress',
  )
