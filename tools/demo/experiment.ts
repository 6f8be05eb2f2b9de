// Trains hrnet16-slim on drawn scenes with and without the InverseForm term, and compares the two on held-out scenes.
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeScenes } from '@inverseform/scenes'
import { type Scores, scoreCheckpoint } from './lib/score.js'
import { comparison, type Pair } from './lib/table.js'
import { losses, train } from './lib/train.js'

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: '.cache/experiment' },
    seeds: { type: 'string', default: '1,2,3' },
    'base-steps': { type: 'string', default: '5000' },
    steps: { type: 'string', default: '1000' },
  },
})
const { out } = values
const data = join(out, 'scenes')
await mkdir(out, { recursive: true })

// The last scene is drawn last.
if (!existsSync(join(data, 'leftImg8bit/val/drawnton/drawnton_000049_000019_leftImg8bit.png'))) {
  console.log('Drawing scenes …')
  await writeScenes({ out: data, splits: { train: 400, val: 50 }, width: 512, height: 256, seed: 1 })
}

const base = join(out, 'base')
await train({
  ...{ data, seed: 0, loss: losses[0], out: base },
  options: { steps: values['base-steps'], schedule: 'constant', threads: '2' },
})

const pairs: Pair[] = []
for (const seed of values.seeds.split(',').map(Number)) {
  const folder = (name: string) => join(out, `seed-${seed}-${name}`)
  const options = { steps: values.steps, checkpoint: join(base, 'last.pth') }
  // Both at once, so that a run that is stopped leaves whole pairs.
  await Promise.all(losses.map((loss) => train({ data, seed, loss, out: folder(loss), options })))
  const [without, withTerm] = [await score(folder(losses[0])), await score(folder(losses[1]))]
  pairs.push({ seed, without, with: withTerm })
  const text = comparison(pairs)
  await writeFile(join(out, 'comparison.md'), text)
  console.log(text)
}

/** Scores the last checkpoint of a run. The result is kept in the run's folder. */
async function score(run: string): Promise<Scores> {
  const kept = join(run, 'scores.json')
  const text = await readFile(kept, 'utf8').catch(() => undefined)
  if (text !== undefined) return JSON.parse(text) as Scores
  const scores = await scoreCheckpoint(join(run, 'last.pth'), data)
  await writeFile(kept, `${JSON.stringify(scores, null, 2)}\n`)
  return scores
}
