import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type InverseFormError, isInverseFormError } from '../../src/index.js'
import { type MatchByStemOptions, matchByStem } from '../../src/node/pairs/match-by-stem.js'
import { matchPairs, officialResultPath } from '../../src/node/pairs/match-pairs.js'

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
const addTargets = (names: readonly string[], folder = 'gtFine/val'): Promise<void> =>
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
  it('finds the only prediction that starts with the name of the target, at any depth, sorted by target', async () => {
    await addTargets(three.toReversed())
    await add(`results/${three[0]}.png`, `results/a/b/${three[1]}_pred_labelTrainIds.png`)
    await add(`results/ulm/${three[2]}_leftImg8bit.png`)
    await add(`results/${three[0]}.txt`, `results/old_${three[0]}.png`, 'results/jena_000000_000019.png')
    const pairs = await matchPairs({ data: root })
    expect(pairs.map(({ name }) => name)).toEqual(three)
    expect(pairs[1]).toEqual({
      name: three[1],
      target: join(root, `gtFine/val/aachen/${three[1]}_gtFine_labelIds.png`),
      instanceIds: join(root, `gtFine/val/aachen/${three[1]}_gtFine_instanceIds.png`),
      prediction: join(root, `results/a/b/${three[1]}_pred_labelTrainIds.png`),
    })
  })

  it('prefers folders from options to the environment', async () => {
    await addTargets([three[0]])
    await addTargets([three[2]], 'other/gtFine/train')
    await add(`results/${three[0]}.png`, `elsewhere/${three[0]}_b.png`, `third/${three[2]}.png`)
    const [results, elsewhere, third] = ['results', 'elsewhere', 'third'].map((name) => join(root, name))
    const predictions = async (...options: Parameters<typeof matchPairs>) =>
      (await matchPairs(...options)).map(({ prediction }) => prediction)
    vi.stubEnv('CITYSCAPES_DATASET', root)
    expect(await predictions()).toEqual([join(results, `${three[0]}.png`)])
    vi.stubEnv('CITYSCAPES_RESULTS', elsewhere)
    expect(await predictions()).toEqual([join(elsewhere, `${three[0]}_b.png`)])
    expect(await predictions({ predictions: results })).toEqual([join(results, `${three[0]}.png`)])
    expect(await predictions({ data: join(root, 'other'), split: 'train', predictions: third })).toEqual([
      join(third, `${three[2]}.png`),
    ])
  })

  it('accepts a folder of cities or files as data set, and follows links to cities', async () => {
    await addTargets(three, 'truth')
    await add(...three.map((name) => `results/${name}.png`))
    await add('truth/.cache/x_0_0_gtFine_labelIds.png', 'truth/ulm/._ulm_0_0_gtFine_labelIds.png')
    const results = join(root, 'results')
    const names = async (dataset: string) =>
      (await matchPairs({ data: join(root, dataset), predictions: results })).map(({ name }) => name)
    expect(await names('truth')).toEqual(three)
    expect(await names('truth/aachen')).toEqual(three.slice(0, 2))
    await mkdir(join(root, 'linked'))
    await symlink(join(root, 'truth/ulm'), join(root, 'linked/ulm'))
    expect(await names('linked')).toEqual(three.slice(2))
  })

  it('skips linked folders of predictions, like the script, but reads linked files', async () => {
    await addTargets([three[0]])
    await add(`kept/${three[0]}.png`)
    await mkdir(join(root, 'results'))
    await symlink(join(root, 'kept'), join(root, 'results/kept'))
    await symlink(join(root, 'results'), join(root, 'results/loop'))
    expect((await failure(matchPairs({ data: root }))).details.missing).toEqual([three[0]])
    await symlink(join(root, `kept/${three[0]}.png`), join(root, `results/${three[0]}.png`))
    expect(await matchPairs({ data: root })).toHaveLength(1)
  })

  it('names targets without a prediction, abbreviated when there are many', async () => {
    const many = Array.from({ length: 9 }, (_, i) => `ulm_00000${i}_000019`)
    await addTargets(many)
    await add('results/ulm_000008_000019.png')
    const { code, message, hint, details } = await failure(matchPairs({ data: root }))
    expect(code).toBe('invalid-dataset')
    expect(message).toMatch(/^8 of 9 targets have no prediction: ulm_000000_000019\*\.png, .* and 3 more\.$/)
    expect(details.missing).toEqual(many.slice(0, 8))
    expect(hint).toContain('<city>_<sequence>_<frame>*.png')
  })

  it('names targets with several predictions and targets without one', async () => {
    await addTargets(three)
    const found = [`a/${three[0]}.png`, `${three[0]}_color.png`].map((name) => join('results', name))
    await add(...found, `results/${three[1]}.png`)
    const { message, details } = await failure(matchPairs({ data: root }))
    expect(message).toContain(`1 of 3 targets have no prediction: ${three[2]}*.png.`)
    expect(message).toContain(`1 of 3 targets have several predictions: ${three[0]} (`)
    for (const name of found) expect(message).toContain(join(root, name))
    expect(details).toMatchObject({ missing: [three[2]], shared: [] })
  })

  it('rejects a prediction that matches two targets', async () => {
    await addTargets(['ulm_000000_000019', 'ulm_000000_0000190'])
    await add('results/ulm_000000_0000190.png')
    const { message } = await failure(matchPairs({ data: root }))
    expect(message).toBe(
      `1 of 1 files belong to several targets: ${join(root, 'results/ulm_000000_0000190.png')} ` +
        '(of ulm_000000_000019_gtFine_labelIds.png and ulm_000000_0000190_gtFine_labelIds.png).',
    )
    await addTargets(['ulm_000001_000019'])
    await add('gtFine/val/copy/ulm_000001_000019_gtFine_labelIds.png', 'results/ulm_000001_000019.png')
    expect((await failure(matchPairs({ data: root }))).message).toContain('2 of 2 files belong to several')
  })

  it.each(['gtFine', 'gtFine_trainvaltest/gtFine', 'gtFine/gtFine', 'gtFine_a/gtFine_a/gtFine'])(
    'reads %s, from the root or any folder below',
    async (folder) => {
      await addTargets(three, `set/${folder}/val`)
      await add(...three.map((name) => `results/${name}.png`))
      const parts = folder.split('/')
      for (let length = 0; length <= parts.length; length++) {
        const data = join(root, 'set', ...parts.slice(0, length))
        const pairs = await matchPairs({ data, predictions: join(root, 'results') })
        expect(pairs.map(({ name }) => name)).toEqual(three)
        expect(pairs[0].instanceIds).toBe(
          join(root, `set/${folder}/val/aachen/${three[0]}_gtFine_instanceIds.png`),
        )
      }
    },
  )

  it('reads coarse annotations, by default for train_extra', async () => {
    const coarse = (split: string) =>
      ['labelIds', 'instanceIds'].map((kind) => `gtCoarse/${split}/ulm/${three[2]}_gtCoarse_${kind}.png`)
    await add(...coarse('val'), ...coarse('train_extra'), `results/${three[2]}_gtCoarse_labelIds.png`)
    for (const options of [{ type: 'gtCoarse' }, { split: 'train_extra' }] as const) {
      const [pair] = await matchPairs({ data: root, ...options })
      expect(pair.target).toBe(join(root, coarse('split' in options ? 'train_extra' : 'val')[0]))
      expect(pair.instanceIds).toContain('_gtCoarse_instanceIds.png')
      expect(pair.name).toBe(three[2])
    }
    expect(await failure(matchPairs({ data: root }))).toMatchObject({
      message: expect.stringContaining(`; ${root} has gtCoarse, results.`),
      hint: expect.stringContaining("type: 'gtCoarse'"),
    })
  })

  it('keeps targets of one name in two cities apart', async () => {
    const name = 'frame_000000_000019'
    const targets = ['jena', 'ulm'].map((city) => `gtFine/val/${city}/${name}_gtFine_labelIds.png`)
    await add(...targets, `results/ulm/${name}_a.png`, `results/jena/${name}_b.png`)
    const pairs = await matchPairs({ data: root, instances: false })
    expect(pairs.map(({ name, prediction }) => [name, prediction])).toEqual([
      [`jena/${name}`, join(root, `results/jena/${name}_b.png`)],
      [`ulm/${name}`, join(root, `results/ulm/${name}_a.png`)],
    ])
    await rm(join(root, 'results/ulm'), { recursive: true })
    expect((await failure(matchPairs({ data: root, instances: false }))).message).toBe(
      `1 of 2 targets have no prediction: ulm/${name}*.png.`,
    )
    await add(`results/${name}.png`)
    const { message, hint } = await failure(matchPairs({ data: root, instances: false }))
    expect(message).toContain(
      `1 of 2 files belong to several targets: ${join(root, `results/${name}.png`)} (of jena/${name} and ulm/${name}).`,
    )
    expect(hint).toContain('folders of cities')
  })

  it('points from foreign names to the options for them', async () => {
    await add('masks/1_mask.png')
    const { message, hint } = await failure(matchPairs({ data: join(root, 'masks') }))
    expect(message).toContain(`; ${join(root, 'masks')} has 1_mask.png.`)
    for (const word of ['`matchByStem`', '`targetSuffix`', '`predictionSuffix`']) expect(hint).toContain(word)
  })

  it('skips files in `out`, and rejects the folder of predictions as `out`', async () => {
    await addTargets([three[0]])
    await add(`results/${three[0]}.png`, `results/report/images/${three[0]}_errors.png`)
    await symlink(join(root, 'results'), join(root, 'linked'))
    for (const [results, output] of [
      ['results', 'results/report'],
      ['linked', 'results/report'],
      ['results', 'linked/report'],
    ] as const) {
      expect(
        await matchPairs({ data: root, predictions: join(root, results), out: join(root, output) }),
      ).toMatchObject([{ prediction: join(root, results, `${three[0]}.png`) }])
    }
    for (const output of ['results', 'linked']) {
      expect(await failure(matchPairs({ data: root, out: join(root, output) }))).toMatchObject({
        code: 'invalid-argument',
        message: `\`out\` must not be the folder of the label maps, got ${join(root, output)}.`,
      })
    }
    // Above or beside, nothing is left out.
    await rm(join(root, 'results/report'), { recursive: true })
    for (const output of ['', 'results 2']) {
      expect(await matchPairs({ data: root, out: join(root, output) })).toHaveLength(1)
    }
  })

  it('requires instance ids, with a hint on how to omit them', async () => {
    await addTargets(three)
    await add(...three.map((name) => `results/${name}.png`))
    const instanceIds = join(root, `gtFine/val/ulm/${three[2]}_gtFine_instanceIds.png`)
    await rm(instanceIds)
    const { code, message, hint } = await failure(matchPairs({ data: root }))
    expect(code).toBe('invalid-dataset')
    expect(message).toBe(`1 of 3 targets have no instance ids: looked for ${instanceIds}.`)
    expect(hint).toContain('{ instances: false }')
    const pairs = await matchPairs({ data: root, instances: false })
    expect(pairs.map((pair) => pair.instanceIds)).toEqual([undefined, undefined, undefined])
  })

  it('names missing folders and files', async () => {
    expect(await failure(matchPairs())).toMatchObject({
      code: 'invalid-argument',
      hint: expect.stringContaining('CITYSCAPES_DATASET'),
    })
    const dataset = join(root, 'nowhere')
    const { code, message } = await failure(matchPairs({ data: dataset }))
    expect(code).toBe('not-found')
    expect(message).toContain(join(dataset, 'gtFine', 'val', '<city>'))
    await addTargets(three)
    expect((await failure(matchPairs({ data: root, split: 'vall' }))).message).toContain('vall')
    expect(await failure(matchPairs({ data: root }))).toMatchObject({
      code: 'not-found',
      message: `The folder ${join(root, 'results')} does not exist.`,
      hint: expect.stringContaining('CITYSCAPES_RESULTS'),
    })
  })
})

describe('officialResultPath', () => {
  const file = 'resultPixelLevelSemanticLabeling.json'

  it('is in the data set, or in CITYSCAPES_EXPORT_DIR, which must be a folder', async () => {
    expect(await officialResultPath({ data: root })).toBe(join(root, 'evaluationResults', file))
    expect((await failure(officialResultPath())).code).toBe('invalid-argument')
    vi.stubEnv('CITYSCAPES_DATASET', root)
    expect(await officialResultPath()).toBe(join(root, 'evaluationResults', file))
    const folder = join(root, 'out')
    vi.stubEnv('CITYSCAPES_EXPORT_DIR', folder)
    expect(await failure(officialResultPath())).toMatchObject({
      code: 'not-found',
      message: `CITYSCAPES_EXPORT_DIR is ${folder}, which is not a folder.`,
    })
    await mkdir(folder)
    expect(await officialResultPath({ data: 'elsewhere' })).toBe(join(folder, file))
  })
})

describe('matchByStem', () => {
  const folders = () => ({ targets: join(root, 'truth'), predictions: join(root, 'predictions') })

  it('pairs files with the same path apart from the suffix', async () => {
    await add('truth/b/2_train_id.png', 'truth/a/1_train_id.png', 'truth/0_train_id.png', 'truth/0.png')
    await add('truth/a/._1_train_id.png', 'truth/notes.txt')
    await add('predictions/a/1.png', 'predictions/b/2.png', 'predictions/0.png', 'predictions/b/3.png')
    const pairs = await matchByStem({ ...folders(), targetSuffix: '_train_id.png' })
    expect(pairs.map(({ name }) => name)).toEqual(['0', 'a/1', 'b/2'])
    expect(pairs[1]).toEqual({
      name: 'a/1',
      target: join(root, 'truth/a/1_train_id.png'),
      prediction: join(root, 'predictions/a/1.png'),
    })
  })

  it('compares whole names when the suffixes are empty', async () => {
    const names = ['1.png', '2.png', 'a/1.png']
    await add(...names.flatMap((name) => [`truth/${name}`, `predictions/${name}`]))
    const pairs = await matchByStem({ ...folders(), targetSuffix: '', predictionSuffix: '' })
    expect(pairs.map(({ name, target, prediction }) => [name, target, prediction])).toEqual(
      names.map((name) => [name, join(root, 'truth', name), join(root, 'predictions', name)]),
    )
  })

  it('skips files in `out` in both folders', async () => {
    await add('both/1.png', 'both/report/images/1_errors.png')
    const both = join(root, 'both')
    const pairs = await matchByStem({ targets: both, predictions: both, out: join(both, 'report') })
    expect(pairs.map(({ name }) => name)).toEqual(['1'])
    const error = await failure(matchByStem({ ...folders(), targets: both, out: both }))
    expect(error.code).toBe('invalid-argument')
  })

  it('names targets without a prediction, and missing or empty folders', async () => {
    expect(await failure(matchByStem(folders()))).toMatchObject({
      code: 'not-found',
      message: `The folder ${folders().targets} does not exist.`,
    })
    await add('truth/a.jpg')
    expect((await failure(matchByStem(folders()))).message).toBe(
      `${folders().targets} holds no *.png; found a.jpg.`,
    )
    await add('truth/a.png', 'truth/b/a.png')
    expect((await failure(matchByStem(folders()))).message).toBe(
      `The folder ${folders().predictions} does not exist.`,
    )
    await add('predictions/a.png', 'predictions/c/a.png')
    expect(await failure(matchByStem(folders()))).toMatchObject({
      code: 'invalid-dataset',
      message: `1 of 2 targets have no prediction in ${folders().predictions}: b/a.png.`,
      details: { missing: ['b/a'] },
    })
  })

  it('ignores the case of the suffix, and rejects two files of one name', async () => {
    await add('truth/a_L.PNG', 'truth/b_l.png', 'predictions/a.png', 'predictions/b.Png')
    const options = { ...folders(), targetSuffix: '_L.png' }
    expect((await matchByStem(options)).map(({ name }) => name)).toEqual(['a', 'b'])
    await add('predictions/b.PNG')
    expect(await failure(matchByStem(options))).toMatchObject({
      code: 'invalid-dataset',
      message: `1 names belong to several files: ${join(root, 'predictions/b.PNG')} and ${join(root, 'predictions/b.Png')}.`,
    })
  })

  it('tells which predictions have no target', async () => {
    await add('truth/a.png', 'predictions/a.png', 'predictions/b.png', 'predictions/c/d.png')
    const unmatched: (readonly string[])[] = []
    await matchByStem({ ...folders(), onUnmatched: (paths) => unmatched.push(paths) })
    expect(unmatched).toEqual([[join(root, 'predictions/b.png'), join(root, 'predictions/c/d.png')]])
    await matchByStem({ ...folders(), predictions: folders().targets, onUnmatched: () => expect.fail() })
  })

  it.each([
    ['_gtFine_labelIds', '', 'Pass `targetSuffix` _gtFine_labelIds.png: then 2 targets have a prediction.'],
    ['_mask', '_pred', 'Pass `targetSuffix` _mask.png and `predictionSuffix` _pred.png: then 2 targets have'],
    ['', '_labelTrainIds', 'Pass `predictionSuffix` _labelTrainIds.png: then 2 targets have a prediction.'],
    [
      '_x',
      '_y',
      'Give each prediction the path of its target, apart from `targetSuffix` and `predictionSuffix`.',
    ],
  ])(
    'hints at the suffixes for targets *%s.png and predictions *%s.png',
    async (target, prediction, hint) => {
      await add(
        ...['a', 'b/c'].flatMap((name) => [
          `truth/${name}${target}.png`,
          `predictions/${name}${prediction}.png`,
        ]),
      )
      const error = await failure(matchByStem(folders()))
      expect(error.code).toBe('invalid-dataset')
      expect(error.hint).toContain(hint)
    },
  )

  it('names an invalid option', async () => {
    const error = (options: unknown) => failure(matchByStem(options as MatchByStemOptions))
    expect((await error(undefined)).message).toBe('`options` must be an object, got undefined.')
    expect((await error({ predictions: 'x' })).message).toBe('`targets` must be a path, got undefined.')
    expect((await error({ ...folders(), targetSuffix: 5 })).message).toContain('`targetSuffix` must be')
  })
})
