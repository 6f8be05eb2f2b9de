import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type InverseFormError, isInverseFormError } from '../../src/index.js'
import { matchByStem } from '../../src/node/match-by-stem.js'
import { matchPairs, officialResultPath } from '../../src/node/result-pairs.js'

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'result-pairs-'))
  for (const name of ['DATASET', 'RESULTS', 'EXPORT_DIR']) vi.stubEnv(`CITYSCAPES_${name}`, undefined)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(root, { recursive: true })
})

async function add(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), '')
  }
}
/** Label and instance ids of frames such as `ulm_000000_000019`. */
const addTruth = (names: readonly string[], folder = 'gtFine/val'): Promise<void> =>
  add(
    ...names.flatMap((name) =>
      ['labelIds', 'instanceIds', 'color'].map(
        (kind) => `${folder}/${name.split('_')[0]}/${name}_gtFine_${kind}.png`,
      ),
    ),
  )

async function failure(pairs: Promise<unknown>): Promise<InverseFormError> {
  const error = await pairs.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (isInverseFormError(error)) return error
  throw error ?? new Error('matched')
}

const three = ['aachen_000000_000019', 'aachen_000001_000019', 'ulm_000000_000019']

describe('matchPairs', () => {
  it('finds the one prediction that starts as the truth, at any depth, sorted by truth', async () => {
    await addTruth(three.toReversed())
    await add(`results/${three[0]}.png`, `results/a/b/${three[1]}_pred_labelTrainIds.png`)
    await add(`results/ulm/${three[2]}_leftImg8bit.png`)
    await add(`results/${three[0]}.txt`, `results/old_${three[0]}.png`, 'results/jena_000000_000019.png')
    const pairs = await matchPairs({ dataset: root })
    expect(pairs.map(({ name }) => name)).toEqual(three)
    expect(pairs[1]).toEqual({
      name: three[1],
      truth: join(root, `gtFine/val/aachen/${three[1]}_gtFine_labelIds.png`),
      instanceIds: join(root, `gtFine/val/aachen/${three[1]}_gtFine_instanceIds.png`),
      prediction: join(root, `results/a/b/${three[1]}_pred_labelTrainIds.png`),
    })
  })

  it('takes the folders from arguments before the environment', async () => {
    await addTruth([three[0]!])
    await addTruth([three[2]!], 'other/gtFine/train')
    await add(`results/${three[0]}.png`, `elsewhere/${three[0]}_b.png`, `third/${three[2]}.png`)
    const [results, elsewhere, third] = ['results', 'elsewhere', 'third'].map((name) => join(root, name))
    const predictions = async (...options: Parameters<typeof matchPairs>) =>
      (await matchPairs(...options)).map(({ prediction }) => prediction)
    vi.stubEnv('CITYSCAPES_DATASET', root)
    expect(await predictions()).toEqual([join(results!, `${three[0]}.png`)])
    vi.stubEnv('CITYSCAPES_RESULTS', elsewhere)
    expect(await predictions()).toEqual([join(elsewhere!, `${three[0]}_b.png`)])
    expect(await predictions({ results })).toEqual([join(results!, `${three[0]}.png`)])
    expect(await predictions({ dataset: join(root, 'other'), split: 'train', results: third })).toEqual([
      join(third!, `${three[2]}.png`),
    ])
  })

  it('takes a folder of cities, or of the files, for the data set, and follows links to cities', async () => {
    await addTruth(three, 'truth')
    await add(...three.map((name) => `results/${name}.png`))
    await add('truth/.cache/x_0_0_gtFine_labelIds.png', 'truth/ulm/._ulm_0_0_gtFine_labelIds.png')
    const results = join(root, 'results')
    const names = async (dataset: string) =>
      (await matchPairs({ dataset: join(root, dataset), results })).map(({ name }) => name)
    expect(await names('truth')).toEqual(three)
    expect(await names('truth/aachen')).toEqual(three.slice(0, 2))
    await mkdir(join(root, 'linked'))
    await symlink(join(root, 'truth/ulm'), join(root, 'linked/ulm'))
    expect(await names('linked')).toEqual(three.slice(2))
  })

  it('passes linked folders of the results over, as the script does, and takes linked files', async () => {
    await addTruth([three[0]!])
    await add(`kept/${three[0]}.png`)
    await mkdir(join(root, 'results'))
    await symlink(join(root, 'kept'), join(root, 'results/kept'))
    await symlink(join(root, 'results'), join(root, 'results/loop'))
    expect((await failure(matchPairs({ dataset: root }))).details.missing).toEqual([three[0]])
    await symlink(join(root, `kept/${three[0]}.png`), join(root, `results/${three[0]}.png`))
    expect(await matchPairs({ dataset: root })).toHaveLength(1)
  })

  it('names every truth without a prediction, shortly when there are many', async () => {
    const many = Array.from({ length: 9 }, (_, i) => `ulm_00000${i}_000019`)
    await addTruth(many)
    await add('results/ulm_000008_000019.png')
    const { code, message, hint, details } = await failure(matchPairs({ dataset: root }))
    expect(code).toBe('invalid-dataset')
    expect(message).toMatch(/^8 of 9 truths have no prediction: ulm_000000_000019\*\.png, .* and 3 more\.$/)
    expect(details.missing).toEqual(many.slice(0, 8))
    expect(hint).toContain('<city>_<sequence>_<frame>*.png')
  })

  it('names every truth with several predictions beside those with none', async () => {
    await addTruth(three)
    const found = [`a/${three[0]}.png`, `${three[0]}_color.png`].map((name) => join('results', name))
    await add(...found, `results/${three[1]}.png`)
    const { message, details } = await failure(matchPairs({ dataset: root }))
    expect(message).toContain(`1 of 3 truths have no prediction: ${three[2]}*.png.`)
    expect(message).toContain(`1 of 3 truths have several predictions: ${three[0]} (`)
    for (const name of found) expect(message).toContain(join(root, name))
    expect(details).toMatchObject({ missing: [three[2]], shared: [] })
  })

  it('refuses a prediction that is of two truths', async () => {
    await addTruth(['ulm_000000_000019', 'ulm_000000_0000190'])
    await add('results/ulm_000000_0000190.png')
    const { message } = await failure(matchPairs({ dataset: root }))
    expect(message).toBe(
      `1 of 1 files belong to several truths: ${join(root, 'results/ulm_000000_0000190.png')} ` +
        '(of ulm_000000_000019_gtFine_labelIds.png and ulm_000000_0000190_gtFine_labelIds.png).',
    )
    await addTruth(['ulm_000001_000019'])
    await add('gtFine/val/copy/ulm_000001_000019_gtFine_labelIds.png', 'results/ulm_000001_000019.png')
    expect((await failure(matchPairs({ dataset: root }))).message).toContain('2 of 2 files belong to several')
  })

  it('leaves what was written into the results out, and refuses to write over them', async () => {
    await addTruth([three[0]!])
    await add(`results/${three[0]}.png`, `results/report/images/${three[0]}_errors.png`)
    await symlink(join(root, 'results'), join(root, 'linked'))
    for (const [results, output] of [
      ['results', 'results/report'],
      ['linked', 'results/report'],
      ['results', 'linked/report'],
    ] as const)
      expect(
        await matchPairs({ dataset: root, results: join(root, results), output: join(root, output) }),
      ).toMatchObject([{ prediction: join(root, results, `${three[0]}.png`) }])
    for (const output of ['results', 'linked'])
      expect(await failure(matchPairs({ dataset: root, output: join(root, output) }))).toMatchObject({
        code: 'invalid-argument',
        message: `${join(root, output)} holds the label maps that are read and cannot be the output too.`,
      })
    // Above or beside, nothing is left out.
    await rm(join(root, 'results/report'), { recursive: true })
    for (const output of ['', 'results 2'])
      expect(await matchPairs({ dataset: root, output: join(root, output) })).toHaveLength(1)
  })

  it('asks for instance ids, and says how to go without', async () => {
    await addTruth(three)
    await add(...three.map((name) => `results/${name}.png`))
    const instanceIds = join(root, `gtFine/val/ulm/${three[2]}_gtFine_instanceIds.png`)
    await rm(instanceIds)
    const { code, message, hint } = await failure(matchPairs({ dataset: root }))
    expect(code).toBe('invalid-dataset')
    expect(message).toBe(`1 of 3 truths have no instance ids: looked for ${instanceIds}.`)
    expect(hint).toContain('{ instances: false }')
    const pairs = await matchPairs({ dataset: root, instances: false })
    expect(pairs.map((pair) => pair.instanceIds)).toEqual([undefined, undefined, undefined])
  })

  it('says what is not there', async () => {
    expect(await failure(matchPairs())).toMatchObject({
      code: 'invalid-argument',
      hint: expect.stringContaining('CITYSCAPES_DATASET'),
    })
    const dataset = join(root, 'nowhere')
    const { code, message } = await failure(matchPairs({ dataset }))
    expect(code).toBe('not-found')
    expect(message).toContain(join(dataset, 'gtFine', 'val', '<city>'))
    await addTruth(three)
    expect((await failure(matchPairs({ dataset: root, split: 'vall' }))).message).toContain('vall')
    expect(await failure(matchPairs({ dataset: root }))).toMatchObject({
      code: 'not-found',
      message: `There is no folder ${join(root, 'results')}.`,
      hint: expect.stringContaining('CITYSCAPES_RESULTS'),
    })
  })
})

describe('officialResultPath', () => {
  const file = 'resultPixelLevelSemanticLabeling.json'

  it('is in the data set, or in CITYSCAPES_EXPORT_DIR, which must be a folder', async () => {
    expect(await officialResultPath({ dataset: root })).toBe(join(root, 'evaluationResults', file))
    expect((await failure(officialResultPath())).code).toBe('invalid-argument')
    vi.stubEnv('CITYSCAPES_DATASET', root)
    expect(await officialResultPath()).toBe(join(root, 'evaluationResults', file))
    const folder = join(root, 'out')
    vi.stubEnv('CITYSCAPES_EXPORT_DIR', folder)
    expect(await failure(officialResultPath())).toMatchObject({
      code: 'not-found',
      message: `CITYSCAPES_EXPORT_DIR is ${folder}, which is no folder.`,
    })
    await mkdir(folder)
    expect(await officialResultPath({ dataset: 'elsewhere' })).toBe(join(folder, file))
  })
})

describe('matchByStem', () => {
  const folders = () => ({ truth: join(root, 'truth'), predictions: join(root, 'predictions') })

  it('pairs what has the same path, less the suffix', async () => {
    await add('truth/b/2_train_id.png', 'truth/a/1_train_id.png', 'truth/0_train_id.png', 'truth/0.png')
    await add('truth/a/._1_train_id.png', 'truth/notes.txt')
    await add('predictions/a/1.png', 'predictions/b/2.png', 'predictions/0.png', 'predictions/b/3.png')
    const pairs = await matchByStem({ ...folders(), truthSuffix: '_train_id.png' })
    expect(pairs.map(({ name }) => name)).toEqual(['0', 'a/1', 'b/2'])
    expect(pairs[1]).toEqual({
      name: 'a/1',
      truth: join(root, 'truth/a/1_train_id.png'),
      prediction: join(root, 'predictions/a/1.png'),
    })
  })

  it('tells whole names apart where the suffixes are empty', async () => {
    const names = ['1.png', '2.png', 'a/1.png']
    await add(...names.flatMap((name) => [`truth/${name}`, `predictions/${name}`]))
    const pairs = await matchByStem({ ...folders(), truthSuffix: '', predictionSuffix: '' })
    expect(pairs.map(({ name, truth, prediction }) => [name, truth, prediction])).toEqual(
      names.map((name) => [name, join(root, 'truth', name), join(root, 'predictions', name)]),
    )
  })

  it('leaves what was written out of both folders', async () => {
    await add('both/1.png', 'both/report/images/1_errors.png')
    const both = join(root, 'both')
    const pairs = await matchByStem({ truth: both, predictions: both, output: join(both, 'report') })
    expect(pairs.map(({ name }) => name)).toEqual(['1'])
    const error = await failure(matchByStem({ ...folders(), truth: both, output: both }))
    expect(error.code).toBe('invalid-argument')
  })

  it('names what has no prediction, and folders that are missing or empty', async () => {
    expect(await failure(matchByStem(folders()))).toMatchObject({
      code: 'not-found',
      message: `There is no folder ${folders().truth}.`,
    })
    await add('truth/a.jpg')
    expect((await failure(matchByStem(folders()))).message).toBe(`${folders().truth} holds no *.png.`)
    await add('truth/a.png', 'truth/b/a.png')
    expect((await failure(matchByStem(folders()))).message).toBe(
      `There is no folder ${folders().predictions}.`,
    )
    await add('predictions/a.png', 'predictions/c/a.png')
    expect(await failure(matchByStem(folders()))).toMatchObject({
      code: 'invalid-dataset',
      message: `1 of 2 truths have no prediction in ${folders().predictions}: b/a.png.`,
      details: { missing: ['b/a'] },
    })
  })
})
