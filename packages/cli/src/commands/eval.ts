import { InverseFormError } from '@inverseform/errors'
import { type Command, Option } from 'commander'
import { addDataOptions, checkDataFlags, openSamples } from '../evaluation/data-flags.js'
import { evaluate } from '../evaluation/evaluate.js'
import type { EvalFlags } from '../evaluation/flags.js'
import { addScoreOptions } from '../evaluation/score-flags.js'
import { readIds } from '../evaluation/scored-classes.js'
import { addOnErrorOption } from '../on-error.js'
import { readClassNames } from '../options/class-names.js'
import { addLogOption } from '../options/log.js'
import { addSegmenterOptions, segmenterChoice, upstreamFlagsHelp } from '../options/model.js'
import { parseCount, parseCountOrZero, parseShard } from '../options/parse.js'
import type { Printer } from '../printer.js'
import { addRunOptions, checkRunFlags, holdFolder } from '../state/output-folder.js'

export function setUpEval(command: Command, printer: Printer, signal: AbortSignal): void {
  addLogOption(addRunOptions(addOnErrorOption(addDataOptions(addSegmenterOptions(command)))))
  command
    .option('--limit <n>', 'evaluate only the first n images (default: all)', parseCount)
    .option(
      '--shard <i/n>',
      'evaluate every n-th image from image i on, counted from 0, such as 0/4; see merge',
      parseShard,
    )
    .option('--out <folder>', 'write a page, results.json and pictures to this folder')
    .option('--pictures <n>', 'with --out: write pictures of the first n images', parseCountOrZero, 20)
    .option('--save-predictions', 'with --out: write PNGs of label ids for a submission')
  addScoreOptions(command)
    .option('--json', 'print the results as JSON')
    .addOption(new Option('--output_dir <folder>', "upstream's --out").hideHelp())
    .addHelpText(
      'after',
      `${upstreamFlagsHelp}

A run with --out that was killed goes on with --resume, and ends with the same results.

Examples:
  inverseform eval --checkpoint hrnet16-slim --data cityscapes --edge-head --out report
  inverseform eval --checkpoint hrnet16-slim --data cityscapes --shard 0/4 --out part-0 --resume

In a clone of the repository, with its data:
  inverseform eval --checkpoint checkpoints/hrnet16-slim-demo.pth --data tools/demo/cityscapes --save-predictions --out demo-output/eval`,
    )
    .action((flags: EvalFlags) => evalCommand(flags, printer, signal))
}

/** Evaluates a checkpoint on a data set. Prints scores; with `--out`, also writes a page, pictures and predictions. */
async function evalCommand(flags: EvalFlags, printer: Printer, signal: AbortSignal): Promise<void> {
  const choice = segmenterChoice(flags)
  const ids = flags.ids === undefined ? undefined : await readIds(flags.ids)
  const folder = flags.out ?? flags.output_dir
  checkDataFlags(flags)
  checkRunFlags(flags, folder)
  checkShard(flags, folder)
  const named = flags.classNames === undefined ? undefined : await readClassNames(flags.classNames)
  const dataset = await openSamples(flags, folder)
  const all = dataset.samples.slice(0, flags.limit)
  const scored = all.some(({ labelIds }) => labelIds !== undefined)
  checkPurpose(flags, folder, scored)
  await using output = folder === undefined ? undefined : await holdFolder(folder, { printer, signal })
  await evaluate(flags, { choice, ids, named, dataset, all, scored }, output, printer, signal)
}

function checkShard({ shard }: EvalFlags, folder: string | undefined): void {
  if (shard === undefined || folder !== undefined) return
  throw new InverseFormError('invalid-argument', '--shard needs --out.', {
    hint: 'Pass --out with a folder for each shard, such as part-0, and give all of them to `inverseform merge`.',
  })
}

function checkPurpose(flags: EvalFlags, folder: string | undefined, scored: boolean): void {
  if (flags.savePredictions && !folder) {
    throw new InverseFormError('invalid-argument', '--save-predictions needs --out.', {
      hint: 'Pass --out with the folder to write to.',
    })
  }
  if (!scored && !flags.savePredictions) {
    throw new InverseFormError(
      'invalid-dataset',
      `The split "${flags.split}" has no label files to score against.`,
      {
        hint: 'Evaluate another split, or write predictions for a submission with --save-predictions --out <folder>.',
      },
    )
  }
}
