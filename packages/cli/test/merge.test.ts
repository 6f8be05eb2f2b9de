import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { contentsOf } from '../../../tools/scale/contents.js'
import { exitCodes } from '../src/exit-codes.js'
import { readCheckedJson, writeCheckedJson } from '../src/state/checked-file.js'
import { idOfPlan, type RunPlan } from '../src/state/run-plan.js'
import { checkpoint, dataset, inverseform, temporaryFolder } from './command-line.js'
import { evaluation, smallDataset } from './scale.js'

/** Folders of one run and of its shards, which tests must not change. */
let whole: string
let small: string
let parts: string[]

const everything = () => [...evaluation(small), '--compare-edge-head']
const shard = (i: number, n: number, out: string, ...flags: string[]) =>
  inverseform(...everything(), '--shard', `${i}/${n}`, '--out', out, ...flags)

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'inverseform-test-'))
  small = await smallDataset(join(folder, 'data'))
  whole = join(folder, 'whole')
  parts = ['part-0', 'part-1'].map((name) => join(folder, name))
  expect((await inverseform(...everything(), '--out', whole)).exitCode).toBe(0)
  for (const [i, part] of parts.entries()) expect((await shard(i, 2, part)).exitCode).toBe(0)
  return () => rm(folder, { recursive: true })
})

/** Copies the folder of a shard, for a test that changes it. */
async function copyOfPart(i: number): Promise<string> {
  const copy = join(await temporaryFolder(), 'part')
  await cp(parts[i], copy, { recursive: true })
  return copy
}

/** Changes a checked file, and gives it the checksum of its new contents. */
async function change(path: string, changed: (json: Record<string, unknown>) => object): Promise<void> {
  const { sha256, ...json } = await readCheckedJson(path)
  await writeCheckedJson(path, changed(json))
}

/** Changes the plan of a shard, in the run and in its parts. */
async function changePlan(part: string, changed: (plan: RunPlan) => RunPlan): Promise<void> {
  let id = ''
  await change(join(part, 'state/run.json'), (json) => {
    const plan = changed(json as unknown as RunPlan)
    id = idOfPlan(plan)
    return { ...json, ...plan }
  })
  await change(join(part, 'state/part-00000.json'), (json) => ({ ...json, run: id }))
}

test.each([[false], [true]])('merges to the results of one run, reversed: %s', async (isReversed) => {
  const out = join(await temporaryFolder(), 'merged')
  const folders = isReversed ? parts.toReversed() : parts
  const { exitCode, out: text } = await inverseform('merge', ...folders, '--out', out)
  expect(exitCode).toBe(0)
  expect(text).toContain('mean IoU')
  expect(await contentsOf(out)).toEqual(await contentsOf(whole))
  const json = await inverseform('merge', ...folders, '--json')
  expect(JSON.parse(json.out).confusion).toEqual(
    JSON.parse(await readFile(join(whole, 'results.json'), 'utf8')).confusion,
  )
  // A merged folder is one of ours, which may be written again.
  expect((await inverseform('merge', ...folders, '--out', out)).exitCode).toBe(0)
})

test('a shard that was interrupted is refused until it is resumed', async () => {
  const part = await copyOfPart(1)
  const path = join(part, 'state/part-00000.json')
  await change(path, (json) => {
    const data = json.data as { scored: unknown[]; pictured: unknown[] }
    return {
      ...json,
      images: (json.images as unknown[]).slice(1),
      data: { ...data, scored: data.scored.slice(1), pictured: [] },
    }
  })
  const { exitCode, err } = await inverseform('merge', parts[0], part)
  expect(exitCode).toBe(exitCodes.input)
  expect(err).toMatch(
    /is unfinished: 1 of its 3 images are not done: drawnton_000001_000019\.\nhint: .*--resume/,
  )
  await writeFile(path, 'damaged')
  expect((await inverseform('merge', parts[0], part)).err).toContain('part-00000.json is damaged')
  expect((await shard(1, 2, part, '--resume')).exitCode).toBe(0)
  const out = join(part, 'merged')
  expect((await inverseform('merge', parts[0], part, '--out', out)).exitCode).toBe(0)
  expect(await contentsOf(out)).toEqual(await contentsOf(whole))
})

test('more shards than images: some have none', async () => {
  const folder = await temporaryFolder()
  const plain = ['eval', '--checkpoint', checkpoint, '--data', small, '--limit', '1', '--pictures', '0']
  const folders = ['a', 'b'].map((name) => join(folder, name))
  for (const [i, out] of folders.entries()) {
    expect((await inverseform(...plain, '--shard', `${i}/2`, '--out', out)).exitCode).toBe(0)
  }
  const { exitCode, out } = await inverseform('merge', ...folders, '--json')
  expect(exitCode).toBe(0)
  expect(JSON.parse(out).confusion).toEqual(JSON.parse((await inverseform(...plain, '--json')).out).confusion)
})

test('a merge that ended early, as without a picture, says so and may be repeated', async () => {
  const part = await copyOfPart(0)
  const pictures = join(part, 'images')
  await rename(pictures, `${pictures}-away`)
  const out = join(part, 'merged')
  const ended = await inverseform('merge', part, parts[1], '--out', out)
  expect(ended.exitCode).toBe(exitCodes.input)
  expect(ended.err).toMatch(/images\/.* does not exist\.\nhint: Run eval again with .* --resume/)
  expect(JSON.parse(await readFile(join(out, 'results.json'), 'utf8')).partial).toEqual({
    ...{ scored: 6, total: 6, reason: 'The merge has not ended.' },
  })
  await rename(`${pictures}-away`, pictures)
  expect((await inverseform('merge', part, parts[1], '--out', out)).exitCode).toBe(0)
  expect(await contentsOf(out)).toEqual(await contentsOf(whole))
})

describe('what does not fit together is refused and named', () => {
  const refused = async (folders: string[], said: RegExp | string, code: number = exitCodes.usage) => {
    const { exitCode, err, out } = await inverseform('merge', ...folders)
    expect({ exitCode, out }).toEqual({ exitCode: code, out: '' })
    expect(err).toMatch(said)
    expect(err).toMatch(/^hint: /m)
  }

  test('missing and repeated shards, and other folders', async () => {
    await refused([parts[0]], 'Shards are missing: 1/2')
    await refused([...parts, parts[1]], 'are both shard 1/2')
    await refused([parts[0], dataset], 'has no run of eval', exitCodes.input)
    await refused([whole, parts[0]], 'It has 2 shards, not 1')
  })

  test('shards of so many that a list of them would fill the memory', async () => {
    const part = await copyOfPart(1)
    await changePlan(part, (plan) => ({ ...plan, shard: { index: 1, count: 10 ** 15 } }))
    await refused([part], /Shards are missing: 0\/1000000000000000, 2\/.* and 999999999999994 more\.$/m)
  })

  test('an unfinished run in --out, with flags that merge has', async () => {
    const out = await copyOfPart(1)
    await change(join(out, 'state/run.json'), (json) => ({ ...json, isFinished: false }))
    const { exitCode, err } = await inverseform('merge', ...parts, '--out', out)
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toMatch(/has an unfinished run\.\nhint: Write the merged results to another folder\.$/m)
  })

  test.each([
    ['checkpoint with SHA-256', 'abc', 'checkpoint with SHA-256 abc, not '],
    ['model', 'hrnet18', 'model hrnet18, not hrnet16-slim'],
    ['flip', true, 'flip true, not false'],
    ['device', 'cuda', 'device cuda, not cpu'],
  ])('another setting: %s', async (name, value, said) => {
    const part = await copyOfPart(1)
    await changePlan(part, (plan) => ({ ...plan, settings: { ...plan.settings, [name]: value } }))
    await refused([parts[0], part], said)
  })

  test('another version, other data, another number of shards', async () => {
    const part = await copyOfPart(1)
    await changePlan(part, (plan) => ({ ...plan, program: '9.9.9' }))
    await refused([parts[0], part], 'version of inverseform 9.9.9, not ')
    await changePlan(part, (plan) => ({ ...plan, program: '0.0.0', images: [...plan.images, 'new'] }))
    await refused([parts[0], part], '1 images that it does not have: new')
    await changePlan(part, (plan) => ({
      ...plan,
      images: plan.images.slice(0, 6),
      shard: { index: 1, count: 3 },
    }))
    await refused([parts[0], part], '3 shards, not 2')
  })

  test('overlaps: an image of another shard, or twice', async () => {
    const part = await copyOfPart(1)
    const path = join(part, 'state/part-00000.json')
    const images = (json: Record<string, unknown>) => json.images as { name: string }[]
    await change(path, (json) => ({
      ...json,
      images: [...images(json), { ...images(json)[0], name: 'drawnton_000000_000019' }],
    }))
    await refused([parts[0], part], 'has images of another shard: drawnton_000000_000019')
    await change(path, (json) => ({ ...json, images: [...images(json).slice(0, 3), images(json)[0]] }))
    await refused([parts[0], part], 'counts images twice: drawnton_000001_000019')
  })

  test('a part of another run, and a folder of metrics', async () => {
    const part = await copyOfPart(1)
    await cp(join(whole, 'state/part-00000.json'), join(part, 'state/part-00001.json'))
    await refused([parts[0], part], 'is of another run', exitCodes.input)
    const metrics = join(await temporaryFolder(), 'metrics')
    const pred = join(whole, 'predictions')
    await inverseform(
      'metrics',
      '--gt',
      small,
      '--pred',
      pred,
      '--workers',
      '0',
      '--worst',
      '0',
      '--out',
      metrics,
    )
    await refused([parts[0], metrics], 'has a run of metrics')
  })
})

// Windows needs a privilege to create links.
describe.skipIf(process.platform === 'win32')(
  'a state that somebody changed cannot lead the copy elsewhere',
  () => {
    const outputsOf = (part: string, output: string) =>
      change(join(part, 'state/part-00000.json'), (json) => {
        const [first, ...others] = json.images as object[]
        return { ...json, images: [{ ...first, outputs: [output] }, ...others] }
      })

    test.each([
      '../evil.png',
      'images/../../evil.png',
      '/tmp/evil.png',
      'predictions/../../../evil',
      'images/..\\evil.png',
      'state/run.json',
      'index.html',
      'images//evil.png',
    ])('by the name %s', async (output) => {
      const part = await copyOfPart(1)
      const folder = await temporaryFolder()
      await outputsOf(part, output)
      const { exitCode, err } = await inverseform('merge', parts[0], part, '--out', join(folder, 'out'))
      expect(exitCode).toBe(exitCodes.input)
      expect(err).toContain('has the name')
      expect(await readdir(folder)).toEqual(['out'])
    })

    test('by the name of an image', async () => {
      const evil = (plan: RunPlan) => ({ ...plan, images: ['../../evil', ...plan.images.slice(1)] })
      const part = await copyOfPart(1)
      await changePlan(part, evil)
      const { exitCode, err } = await inverseform('merge', part, parts[0])
      expect(exitCode).toBe(exitCodes.input)
      expect(err).toContain('has the name "../../evil"')
    })

    test('by the name of a picture', async () => {
      const part = await copyOfPart(0)
      await change(join(part, 'state/part-00000.json'), (json) => {
        const data = json.data as { pictured: object[] }
        return { ...json, data: { ...data, pictured: [{ ...data.pictured[0], stem: '../../evil' }] } }
      })
      const { exitCode, err } = await inverseform('merge', part, parts[1])
      expect(exitCode).toBe(exitCodes.input)
      expect(err).toContain('images that it does not list: ../../evil')
    })

    test('by links in the folder of the shard', async () => {
      const secret = join(await temporaryFolder(), 'secret')
      await mkdir(secret)
      await writeFile(join(secret, 'key.png'), 'secret')
      for (const [link, target] of [
        ['images/link', secret],
        ['images/key.png', join(secret, 'key.png')],
      ]) {
        const part = await copyOfPart(1)
        await mkdir(join(part, 'images'), { recursive: true })
        await symlink(target, join(part, link))
        await outputsOf(part, link.endsWith('.png') ? link : `${link}/key.png`)
        const out = join(await temporaryFolder(), 'out')
        const { exitCode, err } = await inverseform('merge', parts[0], part, '--out', out)
        expect(exitCode).toBe(exitCodes.input)
        expect(err).toContain(link)
        expect((await readdir(out, { recursive: true })).filter((name) => name.includes('key'))).toEqual([])
      }
    })

    test('by links in --out', async () => {
      const folder = await temporaryFolder()
      const [out, elsewhere] = [join(folder, 'out'), join(folder, 'elsewhere')]
      await inverseform('merge', ...parts, '--out', out)
      await rm(join(out, 'predictions'), { recursive: true })
      await mkdir(elsewhere)
      await symlink(elsewhere, join(out, 'predictions'))
      const { exitCode, err } = await inverseform('merge', ...parts, '--out', out)
      expect(exitCode).toBe(exitCodes.input)
      expect(err).toContain('predictions is not a folder, but a link')
      expect(await readdir(elsewhere)).toEqual([])
    })
  },
)
