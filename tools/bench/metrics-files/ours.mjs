// Our side of metrics-files/run.mjs: the official evaluation, files to tables. Prints one line of JSON.
//
// usage: ours.mjs DATASET WORKERS|stages
import { officialTables, PixelLevelEvaluation } from '@inverseform/cityscapes'
import { evaluatePairs, matchPairs, readInstanceIds, readLabelIds } from '@inverseform/cityscapes/node'
import { median } from '../lib/report.mjs'

const [dataset, mode] = process.argv.slice(2)
// This variable would take precedence over the `results` folder of the data set.
delete process.env.CITYSCAPES_RESULTS
const print = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`)
if (mode === 'stages') await stages()
else await evaluate(Number(mode))

async function evaluate(workers) {
  const resident = []
  const start = performance.now()
  const pairs = await matchPairs({ data: dataset })
  const { official } = await evaluatePairs(pairs, {
    metrics: { official: {} },
    workers,
    onProgress: ({ done }) => {
      if (done % 50 === 0) resident.push(process.memoryUsage.rss() / 2 ** 20)
    },
  })
  const table = officialTables(official.compute())
  const time = performance.now() - start
  const { user, system } = process.cpuUsage()
  const cpu = (user + system) / 1000 / pairs.length
  const { confusion, instances } = official.toJSON()
  print({ time, cpu, images: pairs.length, table, confusion: confusion.counts, instances, resident })
}

/** Prints the CPU time per image in milliseconds, separately for reading and counting. */
async function stages() {
  const official = new PixelLevelEvaluation()
  const times = { decode: [], metric: [] }
  const timed = async (stage, work) => {
    const used = process.cpuUsage()
    const result = await work()
    const { user, system } = process.cpuUsage(used)
    times[stage].push((user + system) / 1000)
    return result
  }
  for (const { name, target, prediction, instanceIds } of await matchPairs({ data: dataset })) {
    const [t, i, p] = await timed('decode', async () => [
      await readLabelIds(target),
      await readInstanceIds(instanceIds),
      await readLabelIds(prediction),
    ])
    const image = { ...t, name, target: t.data, prediction: p.data, instanceIds: i.data }
    await timed('metric', () => official.update(image))
  }
  print({ decode: median(times.decode), metric: median(times.metric) })
}
