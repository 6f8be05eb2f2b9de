import type { Graph } from '@inverseform/backbones/graph'
import { InverseFormError } from '@inverseform/errors'
import {
  type Attempt,
  type Backend,
  disagrees,
  notUsable,
  type Precision,
  type Session,
  type Tensor,
} from '@inverseform/runtime'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Device, devices } from '../src/devices/devices.js'
import {
  type BrowserDevices,
  type FoundGpu,
  type OpenOptions,
  openSession,
  type StartedGpu,
} from '../src/devices/open-session.js'
import { findGpu } from '../src/gpu/adapter.js'

const graph: Graph = { outputs: {} }

/** A tensor that must be freed. */
interface Handle {
  readonly tensor: Tensor
}

type Distortion = (x: number) => number

interface Parts {
  readonly gpu?: Partial<FoundGpu<unknown>>
  /** Distorts the values that a GPU computes. */
  readonly distort?: Partial<Record<Precision, Distortion>>
  /** Like `distort`, but for the network itself, which the self-check does not run. */
  readonly distortNetwork?: Partial<Record<Precision, Distortion>>
  readonly failing?: { readonly on: 'start' | 'load' | 'run'; readonly error: Error }
  readonly verdicts?: Map<string, number>
}

/** Fakes a browser whose devices compute twice an image and a thousandth of it, each with its distortion. */
function browserWith({ gpu, distort = {}, distortNetwork, failing, verdicts = new Map() }: Parts = {}) {
  const log: string[] = []
  const sessions = new Set<object>()
  const handles = new Set<Handle>()
  const fail = (on: string) => {
    if (failing?.on === on) throw failing.error
  }
  const outputs = ({ data, shape }: Tensor, map: Distortion = (x) => x) => ({
    logits: { data: data.map((x) => map(2 * x)), shape },
    edge: { data: data.map((x) => map(x / 1000)), shape },
  })
  const handle = (tensor: Tensor): Handle => {
    const made = { tensor }
    handles.add(made)
    return made
  }
  function opened<M>(run: Session<M>['run']): Session<M> {
    const made = { run, dispose: async () => void sessions.delete(made) }
    sessions.add(made)
    return made
  }
  const started: StartedGpu<Handle> = {
    engine: { upload: handle, download: async ({ tensor }) => tensor, release: (of) => handles.delete(of) },
    backend: (precision) => ({
      device: 'webgpu',
      async createSession(network) {
        const itself = network === graph
        log.push(`${itself ? 'network' : 'check'} in ${precision}`)
        if (itself) fail('load')
        const map = (itself ? distortNetwork?.[precision] : undefined) ?? distort[precision]
        return opened<Handle>(async ({ image }) => {
          if (itself) fail('run')
          const { logits, edge } = outputs(image.tensor, map)
          return { logits: handle(logits), edge: handle(edge) }
        })
      },
    }),
    dispose: () => log.push('disposed'),
  }
  const wasm: Backend = {
    device: 'wasm',
    async createSession(network) {
      log.push(`${network === graph ? 'network' : 'check'} on wasm`)
      return opened<Tensor>(async ({ image }) => outputs(image))
    },
  }
  const source: BrowserDevices<StartedGpu<Handle>> = {
    async findGpu() {
      return {
        software: false,
        float16: false,
        identity: 'a GPU',
        ...gpu,
        async start() {
          log.push('started')
          fail('start')
          return started
        },
      }
    },
    wasm: () => wasm,
    verdicts: {
      find: async (key) => verdicts.get(key),
      keep: async (key, value) => void verdicts.set(key, value),
    },
  }
  const open = (settings: Partial<OpenOptions> = {}, onTry?: (device: Device) => void) =>
    openSession<Handle, StartedGpu<Handle>>(
      graph,
      { devices: devices, precision: 'auto', selfCheck: 'refuse', ...settings, onTry },
      source,
    )
  return { open, source, log, sessions, handles, verdicts }
}

const outcomes = (attempts: readonly Attempt[]) =>
  attempts.map(({ device, precision, outcome }) => `${device} ${precision} ${outcome}`)

beforeEach(() => vi.stubGlobal('crossOriginIsolated', false))
afterEach(() => vi.unstubAllGlobals())

const infinity = () => Number.POSITIVE_INFINITY
const off =
  (share: number): Distortion =>
  (x) =>
    x * (1 + share)

test('uses a GPU that agrees with WebAssembly, and keeps only its session', async () => {
  const browser = browserWith({ distort: { float32: off(0.001) } })
  const tried: Device[] = []
  const { device, precision, opened, attempts } = await browser.open({}, (device) => tried.push(device))
  expect({ device, precision, tried }).toEqual({ device: 'webgpu', precision: 'float32', tried: ['webgpu'] })
  expect(attempts).toMatchObject([
    { device: 'webgpu', outcome: 'used', disagreement: expect.closeTo(0.001, 4) },
  ])
  expect([...browser.sessions]).toEqual([opened.session])
  expect(browser.handles.size).toBe(0)
  expect(browser.log).toEqual(['started', 'check in float32', 'check on wasm', 'network in float32'])
})

test('tries float16 first if the GPU has it, and checks each precision', async () => {
  const gpu = { float16: true }
  const fast = await browserWith({ gpu }).open()
  expect(outcomes(fast.attempts)).toEqual(['webgpu float16 used'])
  const wrong = browserWith({ gpu, distort: { float16: off(0.05) } })
  const { attempts } = await wrong.open()
  expect(outcomes(attempts)).toEqual(['webgpu float16 refused', 'webgpu float32 used'])
  expect(attempts[0].reason).toContain('5.0 %')
  expect(wrong.log.filter((line) => line === 'check on wasm')).toHaveLength(1)
  expect(wrong.sessions.size).toBe(1)
  const asked = await browserWith({ gpu }).open({ precision: 'float32' })
  expect(outcomes(asked.attempts)).toEqual(['webgpu float32 used'])
})

test('explains that the GPU does not have the requested float16', async () => {
  await expect(browserWith().open({ precision: 'float16' })).rejects.toMatchObject({
    code: 'runtime-unavailable',
    message: expect.stringContaining('shader-f16'),
    hint: expect.stringMatching(/auto.*\.$/),
  })
})

test.each<[string, Distortion, string]>([
  ['is wrong in the smaller output', (x) => (Math.abs(x) < 0.002 ? x * 1.05 : x), '5.0 %'],
  ['computes values that are not finite', (x) => (x > 1.9 ? Number.NaN : x), 'not finite'],
])('refuses a GPU that %s', async (_, distortion, reason) => {
  const parts = { distort: { float32: distortion } }
  const browser = browserWith(parts)
  const { opened, attempts } = await browser.open()
  expect(attempts).toMatchObject([
    { device: 'webgpu', outcome: 'refused', reason: expect.stringContaining(reason) },
    { device: 'wasm', outcome: 'used', reason: expect.stringContaining('one thread') },
  ])
  expect([...browser.sessions]).toEqual([opened.session])
  expect(browser.log.at(-1)).toBe('disposed')
  expect(browser.verdicts.size).toBe(0)

  await expect(browserWith(parts).open({ devices: ['webgpu'] })).rejects.toMatchObject({
    code: 'runtime-unavailable',
    message: expect.stringContaining(reason),
    hint: expect.stringContaining('`warn`'),
    details: { outcome: 'refused' },
  })
})

test('uses a GPU that disagrees if `selfCheck` allows it', async () => {
  const parts = { distort: { float32: off(0.3) } }
  const warned = await browserWith(parts).open({ selfCheck: 'warn' })
  expect(warned.attempts).toMatchObject([{ outcome: 'used', reason: expect.stringContaining('30.0 %') }])
  expect(disagrees(warned.attempts)).toBe(true)
  const skipped = browserWith(parts)
  expect(outcomes((await skipped.open({ selfCheck: 'skip' })).attempts)).toEqual(['webgpu float32 used'])
  expect(skipped.log).toEqual(['started', 'network in float32'])
})

test('checks a GPU once, and checks another GPU or precision separately', async () => {
  const verdicts = new Map<string, number>()
  const gpu = { float16: true }
  await browserWith({ gpu, verdicts }).open({ networkKey: 'weights' })
  const again = browserWith({ gpu, verdicts })
  expect((await again.open({ networkKey: 'weights' })).attempts[0].reason).toContain('earlier')
  expect(again.log).toEqual(['started', 'network in float16'])
  for (const network of [undefined, 'other weights']) {
    const other = browserWith({ gpu, verdicts })
    await other.open({ networkKey: network })
    expect(other.log).toEqual(['started', 'network in float16', 'network in float32'])
    expect(other.sessions.size).toBe(1)
  }
  for (const [part, settings] of [
    [{ gpu: { ...gpu, identity: 'another GPU' } }, {}],
    [{ gpu }, { precision: 'float32' }],
  ] as const) {
    const other = browserWith({ ...part, verdicts })
    await other.open(settings)
    expect(other.log).toContain('check on wasm')
  }
})

test('does not use float16 if it changes the network’s outputs, unless `selfCheck` allows it', async () => {
  const parts = { gpu: { float16: true }, distortNetwork: { float16: off(0.05) } }
  const browser = browserWith(parts)
  const { opened, attempts } = await browser.open({ networkKey: 'weights' })
  expect(outcomes(attempts)).toEqual(['webgpu float16 refused', 'webgpu float32 used'])
  expect(attempts[0].reason).toContain('5.0 %')
  expect([...browser.sessions]).toEqual([opened.session])
  expect([...browser.verdicts.keys()].filter((key) => key.includes('weights'))).toEqual([])
  const warned = await browserWith(parts).open({ selfCheck: 'warn' })
  expect(warned.attempts).toMatchObject([{ outcome: 'used', reason: expect.stringContaining('5.0 %') }])
  expect(outcomes((await browserWith(parts).open({ selfCheck: 'skip' })).attempts)).toEqual([
    'webgpu float16 used',
  ])
})

test('tries the next device if the network itself does not run', async () => {
  const gpu = { float16: true }
  const infinite = await browserWith({ gpu, distortNetwork: { float16: infinity, float32: infinity } }).open()
  expect(outcomes(infinite.attempts)).toEqual([
    'webgpu float16 refused',
    'webgpu float32 refused',
    'wasm float32 used',
  ])
  expect(infinite.attempts[0].reason).toContain('not finite')
  for (const on of ['start', 'load', 'run'] as const) {
    const error = new InverseFormError('out-of-memory', `There was no memory to ${on}.`)
    const browser = browserWith({ failing: { on, error } })
    const { opened, attempts } = await browser.open()
    expect(outcomes(attempts)).toEqual(['webgpu float32 failed', 'wasm float32 used'])
    expect(attempts[0].reason).toContain(`no memory to ${on}`)
    expect([...browser.sessions]).toEqual([opened.session])
    expect(browser.handles.size).toBe(0)
    expect(browser.log.includes('disposed')).toBe(on !== 'start')
  }
})

test('passes on errors that are not the device’s, and frees the GPU', async () => {
  const error = new InverseFormError('invalid-checkpoint', 'The file was cut short.')
  const browser = browserWith({ failing: { on: 'load', error } })
  await expect(browser.open()).rejects.toBe(error)
  expect(browser.log.at(-1)).toBe('disposed')
})

test('auto skips a software GPU, which can be chosen by name', async () => {
  const software = browserWith({ gpu: { software: true } })
  expect((await software.open()).attempts).toMatchObject([
    { device: 'webgpu', outcome: 'refused', reason: expect.stringContaining('in software') },
    { device: 'wasm', outcome: 'used' },
  ])
  expect(software.log).not.toContain('started')
  expect(outcomes((await software.open({ devices: ['webgpu'] })).attempts)).toEqual(['webgpu float32 used'])
})

test('gives the reason of each device if none works', async () => {
  const { source } = browserWith()
  const broken: BrowserDevices<StartedGpu<Handle>> = {
    ...source,
    findGpu: () =>
      Promise.reject(notUsable({ outcome: 'unavailable', reason: 'There is none.' }, { hint: 'Buy one.' })),
    wasm: () => ({
      device: 'wasm',
      createSession: () => Promise.reject(notUsable({ outcome: 'failed', reason: 'No luck.' }, { hint: '' })),
    }),
  }
  const settings = { devices: devices, precision: 'auto', selfCheck: 'refuse' } as const
  await expect(openSession<Handle, StartedGpu<Handle>>(graph, settings, broken)).rejects.toMatchObject({
    code: 'runtime-unavailable',
    message: expect.stringMatching(/webgpu: There is none\. wasm: No luck\.$/),
    details: { attempts: [{ outcome: 'unavailable' }, { outcome: 'failed' }] },
  })
})

const gpuOf = (adapter: object | null) => ({ gpu: { requestAdapter: async () => adapter } })

test.each<[string, boolean, object, RegExp]>([
  ['the page is not secure', false, gpuOf({}), /https/],
  ['the browser has no WebGPU', true, {}, /no WebGPU/],
  ['there is no GPU', true, gpuOf(null), /no GPU/],
  [
    'the browser refuses to look for a GPU',
    true,
    { gpu: { requestAdapter: () => Promise.reject(new Error('It is blocked.')) } },
    /blocked/,
  ],
])('no GPU is found if %s', async (_, secure, navigator, message) => {
  vi.stubGlobal('isSecureContext', secure)
  vi.stubGlobal('navigator', navigator)
  await expect(findGpu()).rejects.toMatchObject({
    code: 'runtime-unavailable',
    message: expect.stringMatching(message),
    hint: expect.stringMatching(/wasm.*\.$/),
    details: { outcome: 'unavailable' },
  })
})

test('a GPU is started with all of its limits, or the error says why it does not start', async () => {
  const asked: unknown[] = []
  const adapter = {
    info: { vendor: 'v', architecture: 'a', device: '', description: 'd', isFallbackAdapter: true },
    features: new Set(['shader-f16', 'timestamp-query']),
    limits: { maxBufferSize: 2 ** 31, maxStorageBufferBindingSize: 2 ** 30, maxTextureDimension2D: 16384 },
    async requestDevice(descriptor: unknown) {
      asked.push(descriptor)
      throw new Error('in use')
    },
  }
  vi.stubGlobal('isSecureContext', true)
  vi.stubGlobal('navigator', gpuOf(adapter))
  const found = await findGpu()
  expect(found).toMatchObject({ software: true, float16: true, identity: 'v a  d' })
  await expect(found.start()).rejects.toMatchObject({
    message: expect.stringContaining('in use'),
    details: { outcome: 'failed' },
  })
  expect(asked).toMatchObject([{ requiredFeatures: ['shader-f16'], requiredLimits: adapter.limits }])
})
