import type { SegmentationModelName } from '@inverseform/backbones'
import { type LossName, lossNames, scheduleNames } from '@inverseform/training'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { CHECKPOINT } from '../options/checkpoint.js'
import { classNamesHelp } from '../options/class-names.js'
import { parseCount, parseCountOrZero, parseModel, parseNames } from '../options/parse.js'

/** The flags of `train`. */
export interface TrainFlags {
  readonly data?: string
  readonly split: string
  readonly valSplit: string
  readonly coarse?: boolean
  readonly images?: string
  readonly gt?: string
  readonly valImages?: string
  readonly valGt?: string
  readonly imageSuffix?: string
  readonly gtSuffix?: string
  readonly mapIds?: string
  readonly numClasses?: number
  readonly classNames?: string
  readonly model?: SegmentationModelName
  readonly checkpoint?: string
  readonly key?: string
  readonly freeze?: string[]
  readonly loss: LossName
  readonly inversenet?: string
  readonly distance?: 'coefficients' | 'euclidean' | 'geodesic'
  readonly auxiliaryHeads: boolean
  readonly steps?: number
  readonly crop: [height: number, width: number]
  readonly batch: number
  readonly accumulate: number
  readonly seed: number
  readonly optimizer: 'sgd' | 'adamw'
  readonly learningRate: number
  readonly momentum?: number
  readonly weightDecay?: number
  readonly decayWeightsOnly?: boolean
  readonly schedule: (typeof scheduleNames)[number]
  readonly warmup: number
  readonly clip?: number
  readonly ema?: number
  readonly evaluateEvery?: number
  readonly evaluateImages?: number
  readonly saveEvery: number
  readonly pictures: number
  readonly threads?: number
  readonly workers: number
  readonly out?: string
  readonly resume?: boolean
  readonly config?: string
}

/** Adds the flags of `train`. All but `--config` and `--resume` are also keys of a config. */
export function addTrainOptions(command: Command): Command {
  return command
    .option(
      '--data <folder>',
      'train on this data set in the layout of Cityscapes (default: the environment variable CITYSCAPES_DATASET)',
    )
    .option('--split <name>', 'with --data: train on this split', 'train')
    .option('--val-split <name>', 'with --data: evaluate on this split', 'val')
    .option('--coarse', 'with --data: train on the annotations of gtCoarse')
    .option('--images <folder>', 'train on these images instead')
    .option('--gt <folder>', 'with --images: the folder of their label maps, PNGs of class ids')
    .option('--val-images <folder>', 'with --images: evaluate on these images')
    .option('--val-gt <folder>', 'with --val-images: the folder of their label maps')
    .option('--image-suffix <text>', 'with --images: end of the names of the images (default: any extension)')
    .option('--gt-suffix <text>', 'with --images: end of the names of the label maps (default: .png)')
    .option(
      '--map-ids <pairs>',
      'class of each id in the label maps, such as 255=1,254=0, or a file of pairs',
    )
    .option('--num-classes <n>', 'number of classes (default: 19)', parseCount)
    .option('--class-names <file>', `names of the classes, for the page: ${classNamesHelp}`)
    .option('--model <name>', 'train this network (default: the published model of --checkpoint)', parseModel)
    .option(
      '--checkpoint <name>',
      `start from these weights, as far as they fit: ${CHECKPOINT} (default: random weights)`,
    )
    .option('--key <name>', 'with --checkpoint: the state dict to use, such as ema')
    .option('--freeze <parts>', 'do not train these parts, such as backbone', parseNames('backbone,aux_head'))
    .addOption(new Option('--loss <name>', 'minimize this loss').choices(lossNames).default('joint'))
    .option(
      '--inversenet <name>',
      'with the loss joint: inversenet, or a URL or file of another InverseNet (default: a small one)',
    )
    .addOption(
      new Option('--distance <name>', 'with --inversenet: what its coefficients mean').choices([
        'coefficients',
        'euclidean',
        'geodesic',
      ]),
    )
    .option('--no-auxiliary-heads', 'train without auxiliary heads')
    .option('--steps <n>', 'number of steps', parseCount)
    .option('--crop <height>x<width>', 'train on crops of this size', parseSize, [512, 1024])
    .option('--batch <n>', 'crops per batch', parseCount, 1)
    .option('--accumulate <n>', 'batches per step', parseCount, 1)
    .option('--seed <n>', 'seed of weights, order and augmentation', parseCountOrZero, 1)
    .addOption(
      new Option('--optimizer <name>', 'update weights by this').choices(['sgd', 'adamw']).default('sgd'),
    )
    .option('--learning-rate <rate>', 'learning rate after the warm-up', parseNumber, 0.01)
    .option('--momentum <part>', 'momentum of sgd (default: 0.9)', parseNumber)
    .option('--weight-decay <rate>', 'weight decay (default: 0.0005 for sgd, 0.01 for adamw)', parseNumber)
    .option('--decay-weights-only', 'no weight decay on biases and normalizations')
    .addOption(
      new Option('--schedule <name>', 'how the learning rate falls').choices(scheduleNames).default('poly'),
    )
    .option('--warmup <n>', 'steps in which the learning rate rises', parseCountOrZero, 0)
    .option('--clip <norm>', 'limit the norm of all gradients', parseNumber)
    .option(
      '--ema <decay>',
      'average the weights, such as 0.999; evaluations and .pth files have the averages',
      parseNumber,
    )
    .option(
      '--evaluate-every <n>',
      'evaluate after each n steps (default: a tenth of the steps)',
      parseCountOrZero,
    )
    .option('--evaluate-images <n>', 'evaluate only the first n images (default: all)', parseCount)
    .option('--save-every <n>', 'save after each n steps', parseCount, 100)
    .option('--pictures <n>', 'show n images of an evaluation on the page', parseCountOrZero, 4)
    .option('--threads <n>', 'threads of the network (default: one per core)', parseCount)
    .option('--workers <n>', 'threads that decode and augment images', parseCountOrZero, 1)
    .option('-o, --out <folder>', 'write the run to this folder')
    .option('--resume', 'go on with the run in --out, with its options')
    .option('--config <file>', 'take options from this YAML or JSON file; flags come before it')
}

/** Parses a size, such as `512x1024`: height before width, as of images in the field. */
export function parseSize(value: string): [height: number, width: number] {
  const match = /^\s*(\d+)\s*[x,]\s*(\d+)\s*$/i.exec(value)
  const size = [Number(match?.[1]), Number(match?.[2])] as [number, number]
  if (size.every((side) => side > 0)) return size
  throw new InvalidArgumentError('Use <height>x<width> in pixels, such as 512x1024.')
}

/** Parses a number of at least 0. */
export function parseNumber(value: string): number {
  const number = Number(value)
  if (value.trim() !== '' && number >= 0 && Number.isFinite(number)) return number
  throw new InvalidArgumentError('Use a number of at least 0.')
}
