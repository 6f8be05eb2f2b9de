import type { Graph } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import type { Backend } from '@inverseform/runtime'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { climb, DEVICES, type Device } from '../src/devices.js'

const graph: Graph = { outputs: {} }

/** Devices that compute the mean and the double of the image, each distorted in its way. */
function backends(distort: Partial<Record<Device, (x: number) => number>>) {
  const open = new Set<object>()
  const backendOf = (device: Device): Backend => ({
    device,
    async createSession() {
      const map = distort[device] ?? ((x) => x)
      const session = {
        async run({ image }: Parameters<Awaited<ReturnType<Backend['createSession']>>['run']>[0]) {
          const logits = { data: image.data.map((x) => map(2 * x)), shape: image.shape }
          const edge = { data: image.data.map((x) => map(x / 1000)), shape: image.shape }
          return { logits, edge }
        },
        dispose: async () => void open.delete(session),
      }
      open.add(session)
      return session
    },
  })
  return { backendOf, open }
}

const gpu = (adapter: object | null) => ({ gpu: { requestAdapter: async () => adapter } })

beforeEach(() => {
  vi.stubGlobal('isSecureContext', true)
  vi.stubGlobal('crossOriginIsolated', false)
  vi.stubGlobal('navigator', gpu({}))
})
afterEach(() => vi.unstubAllGlobals())

test('takes a GPU that agrees with WebAssembly, and keeps only its session', async () => {
  const { backendOf, open } = backends({ webgpu: (x) => x * 1.001 })
  const tried: Device[] = []
  const { device, session, ladder } = await climb(DEVICES, {
    graph,
    backendOf,
    onTry: (device) => tried.push(device),
  })
  expect(device).toBe('webgpu')
  expect(ladder).toMatchObject([{ device: 'webgpu', outcome: 'used' }])
  expect(tried).toEqual(['webgpu'])
  expect([...open]).toEqual([session])
})

test.each<[string, (x: number) => number, string]>([
  ['is off in the smaller output', (x) => (Math.abs(x) < 0.003 ? x * 1.05 : x), '5.0 %'],
  ['gives what is no number', (x) => (x > 3.9 ? Number.NaN : x), 'not finite'],
])('refuses a GPU that %s', async (_, webgpu, reason) => {
  const { backendOf, open } = backends({ webgpu })
  const { device, session, ladder } = await climb(DEVICES, { graph, backendOf })
  expect(device).toBe('wasm')
  expect(ladder).toMatchObject([
    { device: 'webgpu', outcome: 'refused', reason: expect.stringContaining(reason) },
    { device: 'wasm', outcome: 'used', reason: expect.stringContaining('one thread') },
  ])
  expect([...open]).toEqual([session])
  await expect(climb(['webgpu'], { graph, backendOf })).rejects.toMatchObject({
    code: 'runtime-unavailable',
    message: expect.stringContaining(reason),
    hint: expect.stringContaining('auto'),
  })
})

test.each<[string, () => void, string, string]>([
  ['the page is not secure', () => vi.stubGlobal('isSecureContext', false), 'unavailable', 'https'],
  ['the browser has no WebGPU', () => vi.stubGlobal('navigator', {}), 'unavailable', 'no WebGPU'],
  ['there is no GPU', () => vi.stubGlobal('navigator', gpu(null)), 'unavailable', 'no GPU'],
  [
    'the GPU is software',
    () => vi.stubGlobal('navigator', gpu({ info: { isFallbackAdapter: true } })),
    'refused',
    'in software',
  ],
])('passes WebGPU over where %s', async (_, arrange, outcome, reason) => {
  arrange()
  const { ladder } = await climb(DEVICES, { graph, ...backends({}) })
  expect(ladder).toMatchObject([
    { device: 'webgpu', outcome, reason: expect.stringContaining(reason) },
    { device: 'wasm', outcome: 'used' },
  ])
})

test('names each device when none works; errors of the checkpoint are not the device’s', async () => {
  const failing = (code: 'inference-failed' | 'invalid-checkpoint') => (device: Device) => ({
    device,
    createSession: () => Promise.reject(new InverseFormError(code, `No luck on ${device}.`)),
  })
  const work = climb(DEVICES, { graph, backendOf: failing('inference-failed') })
  await expect(work).rejects.toMatchObject({
    code: 'runtime-unavailable',
    message: expect.stringMatching(/webgpu: No luck.* wasm: No luck on wasm\.$/),
    details: { ladder: [{ outcome: 'failed' }, { outcome: 'failed' }] },
  })
  await expect(climb(DEVICES, { graph, backendOf: failing('invalid-checkpoint') })).rejects.toMatchObject({
    code: 'invalid-checkpoint',
  })
})
