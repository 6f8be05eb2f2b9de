import { devices } from '@inverseform/runtime-node'
import { type Command, Option } from 'commander'
import { addDataOptions } from '../evaluation/data-flags.js'
import { addScoreOptions } from '../evaluation/score-flags.js'
import { addOnErrorOption } from '../on-error.js'
import { CHECKPOINT } from '../options/checkpoint.js'
import { addLogOption } from '../options/log.js'
import { addDeviceOptions, addNetworkOptions, precisionOption } from '../options/model.js'
import { parseCount, parsePort, parseSeconds } from '../options/parse.js'
import type { Printer } from '../printer.js'
import type { QueueEvalFlags, QueueStatusFlags, QueueWorkFlags } from '../queue/flags.js'
import { explainingRefusals, redisOption } from '../queue/load-queue.js'
import { queueEval } from '../queue/queue-eval.js'
import { queueRemove, queueStatus } from '../queue/queue-status.js'
import { queueWork } from '../queue/queue-work.js'
import { addRunOptions } from '../state/output-folder.js'

export function setUpQueue(command: Command, printer: Printer, signal: AbortSignal): void {
  command.addHelpText(
    'after',
    `
The commands need the package @inverseform/queue (npm install @inverseform/queue), and a server of Redis or Valkey.

Examples:
  inverseform queue eval --checkpoint hrnet16-slim --data /data/cityscapes --redis redis://head:6379 --out report
  inverseform queue work --data /data/cityscapes --redis redis://head:6379
  inverseform queue status --redis redis://head:6379`,
  )
  setUpEval(command.command('eval'), printer, signal)
  setUpWork(command.command('work'), printer, signal)
  command
    .command('status')
    .description('show the runs and workers of a queue, or the scores of a run so far')
    .argument('[run]', 'id of a run (default: list all)')
    .addOption(redisOption())
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  inverseform queue status --redis redis://head:6379')
    .action((run: string | undefined, flags: QueueStatusFlags) =>
      explainingRefusals(queueStatus(run, flags, printer)),
    )
  command
    .command('remove')
    .description('remove a run and its results from the queue')
    .argument('<run>', 'id of a run')
    .addOption(redisOption())
    .addHelpText('after', '\nExample:\n  inverseform queue remove 3f9c0a51d2e87b64 --redis redis://head:6379')
    .action((run: string, flags: QueueStatusFlags) => explainingRefusals(queueRemove(run, flags, printer)))
}

function setUpEval(command: Command, printer: Printer, signal: AbortSignal): void {
  command.description('evaluate a checkpoint on the workers of a queue').addOption(redisOption())
  addLogOption(addRunOptions(addOnErrorOption(addDataOptions(addNetworkOptions(command)))))
    .addOption(
      new Option('--device <name>', 'take only workers with this device; auto takes all')
        .choices(['auto', ...devices])
        .default('auto'),
    )
    .addOption(precisionOption())
    .option(
      '--image-list <file>',
      'with --data: evaluate these images, a path in each line, and after a tab that of its label map; needed for a URL',
    )
    .option('--limit <n>', 'evaluate only the first n images (default: all)', parseCount)
  addScoreOptions(command)
    .option('--out <folder>', 'write a page and results.json to this folder; pictures are not written')
    .addOption(
      new Option(
        '--detach',
        'print the id of the run and end; --resume with the same options collects the results',
      ).conflicts('out'),
    )
    .option('--json', 'print the results as JSON')
    .addHelpText(
      'after',
      `
Workers read the images below their own --data. A run that was killed goes on with --resume, and takes what workers did meanwhile.
A finished run stays in Redis for a week.

Examples:
  inverseform queue eval --checkpoint hrnet16-slim --data /data/cityscapes --edge-head --out report --resume
  inverseform queue eval --checkpoint hrnet16-slim --data https://bucket.example.com/cityscapes --image-list val.txt --out report`,
    )
    .action((flags: QueueEvalFlags) => explainingRefusals(queueEval(flags, printer, signal)))
}

function setUpWork(command: Command, printer: Printer, signal: AbortSignal): void {
  command
    .description('evaluate images of the runs in a queue')
    .addOption(redisOption())
    .option(
      '--data <folder or URL>',
      'read the images of all runs below this (default: the environment variable CITYSCAPES_DATASET)',
    )
    .option('--checkpoint <name>', `checkpoint of the runs: ${CHECKPOINT} (default: what a run names)`)
    .option('--inversenet <name>', 'InverseNet of the runs (default: what a run names)')
  addLogOption(addDeviceOptions(command, { precision: false }))
    .option('--until-empty', 'end when no run has images left')
    .option(
      '--lease <seconds>',
      'time without a sign after which the images go to another worker',
      parseSeconds,
      60,
    )
    .option(
      '--grace <seconds>',
      'when interrupted: time to finish images before they are handed back',
      parseSeconds,
      10,
    )
    .option(
      '--metrics-port <n>',
      'serve metrics to Prometheus at this port, at /metrics; 0 for any',
      parsePort,
    )
    .option('--metrics-host <address>', 'serve metrics at this address, such as 0.0.0.0', '127.0.0.1')
    .addHelpText(
      'after',
      `
Runs of other versions, and with another checkpoint, are left to others.

Examples:
  inverseform queue work --data /data/cityscapes --redis redis://head:6379 --device cpu
  inverseform queue work --data https://bucket.example.com/cityscapes --until-empty`,
    )
    .action((flags: QueueWorkFlags) => explainingRefusals(queueWork(flags, printer, signal)))
}
