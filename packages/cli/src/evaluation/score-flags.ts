import { type Command, Option } from 'commander'

/** Adds the options of what is computed of each image beside its scores. */
export const addScoreOptions = (command: Command): Command =>
  command
    .option('--compare-edge-head', 'run again without the edge head, and compare the labels')
    .option('--loss', 'compute the validation loss; with the edge head, the joint loss')
    .option(
      '--inversenet <name>',
      'with --loss: inversenet, or a URL or file of another InverseNet, for the InverseForm term',
    )
    .addOption(
      new Option('--inversenet-precision <type>', 'store the 100 million weights of InverseNet in this type')
        .choices(['float32', 'float16', 'int8'])
        .default('float32'),
    )
