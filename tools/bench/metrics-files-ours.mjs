// Side of metrics-files.mjs: the official evaluation, files to tables. Prints one line of JSON.
//
// usage: metrics-files-ours.mjs DATASET WORKERS|stages
import { officialTables, PixelLevelEvaluation } from '@inverseform/cityscapes'
import { evaluatePairs, matchPairs, readInstanceIds, readLabelIds } from '@inverseform/cityscapes/node'
import { median } from './lib/report.mjs'

const [dataset, mode] = process.argv.slice(2)
// The environment variable would go before the folder `results` of the data set.
delete process.env.CITYSCAPES_RESULTS
const print = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`)
if (mode === 'stages') await stages()
else await evaluate(Number(mode))

async function evaluate(workers) {
  const resident = []
  const start = performance.now()
  const pairs = await matchPairs({ dataset })
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

/** Milliseconds of CPU time an image, reading and counting by themselves. */
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
  for (const { name, truth, prediction, instanceIds } of await matchPairs({ dataset })) {
    const [t, i, p] = await timed('decode', async () => [
      await readLabelIds(truth),
      await readInstanceIds(instanceIds),
      await readLabelIds(prediction),
    ])
    const image = { ...t, name, truth: t.data, prediction: p.data, instanceIds: i.data }
    await timed('metric', () => official.update(image))
  }
  print({ decode: median(times.decode), metric: median(times.metric) })
}
