import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { expect, test } from 'vitest'
import { applyConfig, readConfig } from '../../src/train/config.js'
import { addTrainOptions, type TrainFlags } from '../../src/train/options.js'
import { inverseform, temporaryFolder } from '../command-line.js'

/** The options of `train` after a config file and flags. */
async function optionsOf(text: string, ...flags: string[]): Promise<TrainFlags> {
  const path = join(await temporaryFolder(), 'config.yaml')
  await writeFile(path, text)
  const command = addTrainOptions(new Command('train')).exitOverride()
  command.parse(flags, { from: 'user' })
  applyConfig(command, await readConfig(path), path)
  return command.opts<TrainFlags>()
}

const yaml = `
# A comment.
model: hrnet16-slim
crop: 256x512
learning-rate: 0.005
decay-weights-only: true
auxiliary-heads: false
freeze: [backbone, aux_head]
optimizer: adamw
valSplit: test
momentum: null
`
const expected = {
  model: 'hrnet16-slim',
  crop: [256, 512],
  learningRate: 0.005,
  decayWeightsOnly: true,
  auxiliaryHeads: false,
  freeze: ['backbone', 'aux_head'],
  optimizer: 'adamw',
  valSplit: 'test',
  batch: 1,
}

test('YAML and JSON set the options of the flags', async () => {
  const fromYaml = await optionsOf(yaml)
  expect(fromYaml).toMatchObject(expected)
  expect(fromYaml.momentum).toBeUndefined()
  const json = JSON.stringify({ ...expected, model: 'hrnet16-slim', crop: [256, 512] })
  expect(await optionsOf(json)).toMatchObject(expected)
  expect(await optionsOf('# nothing\n')).toMatchObject({ batch: 1, crop: [512, 1024] })
})

test('how a process logs is no option of a run', async () => {
  const path = join(await temporaryFolder(), 'config.yaml')
  await writeFile(path, 'log-json: true')
  const { exitCode, err } = await inverseform('train', '--config', path, '--out', 'x')
  expect({ exitCode, err }).toMatchObject({ exitCode: 3, err: expect.stringContaining('unknown key') })
})

test('flags come before the config, also with the value of the default', async () => {
  const flags = ['--learning-rate', '0.01', '--crop', '64x128', '--optimizer', 'sgd']
  expect(await optionsOf(yaml, ...flags)).toMatchObject({
    learningRate: 0.01,
    crop: [64, 128],
    optimizer: 'sgd',
    model: 'hrnet16-slim',
  })
})

test.each<[string, string, RegExp, RegExp]>([
  [
    'an unknown key',
    'lerning-rate: 1',
    /unknown key "lerning-rate"/,
    /data, split, .*learning-rate.*, out\./,
  ],
  ['a key that is no option', 'resume: true', /unknown key "resume"/, /learning-rate/],
  ['a wrong number', 'steps: many', /config\.yaml has steps: "many", which is not valid/, /integer above 0/],
  ['a wrong choice', 'schedule: step', /has schedule: "step"/, /poly, cosine, constant/],
  ['a wrong size', 'crop: 512', /has crop: 512/, /<height>x<width>/],
  ['a text for a switch', 'coarse: yes please', /has coarse: "yes please", which must be true or false/, /./],
  ['an object', 'model: { name: x }', /which must be a text, a number or a list/, /./],
  ['a list', '- steps', /does not hold options/, /steps: 2000/],
  ['no YAML', 'a: [', /is not YAML or JSON/, /./],
  [
    'a key in two spellings',
    'learning-rate: 1\nlearning_rate: 2',
    /has both learning-rate and learning_rate/,
    /Leave one/,
  ],
  ['no number', 'learning-rate: .nan', /has learning-rate: NaN, which is not valid/, /at least 0/],
  ['a key twice', 'steps: 1\nsteps: 2', /is not YAML or JSON: Map keys must be unique/, /./],
])('%s is an error that says what is accepted', async (_, text, message, hint) => {
  const error = await optionsOf(text).catch((thrown) => thrown)
  expect(error).toMatchObject({ code: 'unreadable' })
  expect(error.message).toMatch(message)
  expect(error.hint).toMatch(hint)
})
