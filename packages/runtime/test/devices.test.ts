import { constant, conv2d, type Graph, imageInput } from '@inverseform/backbones/graph'
import { InverseFormError } from '@inverseform/errors'
import { describe, expect, test } from 'vitest'
import {
  type Backend,
  checkDeviceOptions,
  type DeviceChoice,
  type DeviceOptions,
  type DeviceSource,
  findBestDevice,
  type LoadedNetwork,
  notUsable,
  openOnBestDevice,
  type Precision,
  type Session,
  type StartedDevice,
} from '../src/index.js'

type Device = 'gpu' | 'cpu'

const weights = constant('weights', [1, 3, 1, 1], async () => new Float32Array(3))
const graph: Graph = { outputs: { y: conv2d(imageInput('image', 3), weights) } }

interface Parts {
  /** The error of the GPU in the check network, as a share of the values. */
  readonly error?: number
  /** The error of the GPU in the network itself, by precision. */
  readonly networkError?: Partial<Record<Precision, number>>
  readonly device?: Partial<StartedDevice>
  readonly source?: Partial<DeviceSource<Device>>
  readonly verdicts?: Map<string, number>
}

/** Returns fake devices that double their input, and what was done with them. */
function fakes({ error = 0, networkError = {}, device, source, verdicts = new Map() }: Parts = {}) {
  const log: string[] = []
  const sessions = new Set<Session>()
  const session = (factor: number): Session => {
    const made: Session = {
      run: async ({ image: { data, shape } }) => ({ y: { data: data.map((x) => factor * x), shape } }),
      dispose: async () => void sessions.delete(made),
    }
    sessions.add(made)
    return made
  }
  const isNetwork = ({ outputs }: Graph) => 'y' in outputs
  const cpu: Backend = {
    device: 'cpu',
    async createSession(loaded) {
      log.push(`${isNetwork(loaded) ? 'network' : 'check'} on cpu`)
      return session(2)
    },
  }
  const load =
    (precision: Precision) =>
    async (loaded: Graph): Promise<LoadedNetwork> => {
      log.push(`${isNetwork(loaded) ? 'network' : 'check'} in ${precision}`)
      const off = isNetwork(loaded) ? (networkError[precision] ?? 0) : error
      return { onArrays: session(2 * (1 + off)) }
    }
  const devices: DeviceSource<Device> = {
    reference: 'cpu',
    openReference: async () => cpu,
    referenceReason: () => 'The CPU works.',
    hasFloat16: async () => true,
    triesFloat32: false,
    verdicts: {
      find: async (key) => verdicts.get(key),
      keep: async (key, disagreement) => void verdicts.set(key, disagreement),
    },
    async start({ device: name, precision }) {
      if (name === 'cpu') {
        return { name, load: async (loaded) => ({ onArrays: await cpu.createSession(loaded) }) }
      }
      return { name: 'gpu', verdictKey: `gpu ${precision}`, load: load(precision), ...device }
    },
    ...source,
  }
  const open = (choice: Partial<DeviceChoice<Device>> = {}) =>
    openOnBestDevice(
      graph,
      { devices: ['gpu', 'cpu'], precision: 'auto', selfCheck: 'refuse', ...choice },
      devices,
    )
  return { devices, open, log, sessions, verdicts, load }
}

const triesOf = (attempts: readonly { device: string; precision: string; outcome: string }[]) =>
  attempts.map(({ device, precision, outcome }) => `${device} ${precision} ${outcome}`)

describe('openOnBestDevice', () => {
  test('checks the device, then the network in float16, and keeps one session', async () => {
    const { open, log, sessions } = fakes()
    const tried: Device[] = []
    const { device, precision, attempts, opened } = await open({ onTry: (name) => tried.push(name) })
    expect({ device, precision, tried }).toEqual({ device: 'gpu', precision: 'float16', tried: ['gpu'] })
    expect(log).toEqual(['check in float16', 'check on cpu', 'network in float16', 'network on cpu'])
    expect(attempts).toEqual([
      {
        device: 'gpu',
        precision: 'float16',
        outcome: 'used',
        reason: 'It agrees with the CPU within 0e+0 of the largest value.',
        disagreement: 0,
      },
    ])
    expect([...sessions]).toEqual([opened.onArrays])
  })

  test('tries float32, then the reference device, if float16 and the GPU disagree', async () => {
    const spoiled = fakes({ networkError: { float16: 0.05 } })
    expect(triesOf((await spoiled.open()).attempts)).toEqual(['gpu float16 refused', 'gpu float32 used'])
    expect(spoiled.sessions.size).toBe(1)
    const wrong = fakes({ error: 0.05 })
    const { attempts, opened } = await wrong.open()
    expect(triesOf(attempts)).toEqual(['gpu float16 refused', 'gpu float32 refused', 'cpu float32 used'])
    expect(attempts.at(-1)?.reason).toBe('The CPU works.')
    expect(wrong.log.filter((line) => line === 'check on cpu')).toHaveLength(1)
    expect([...wrong.sessions]).toEqual([opened.onArrays])
  })

  test.each<[Precision | 'auto', boolean, string[]]>([
    ['auto', true, ['gpu float16 refused', 'gpu float32 refused', 'cpu float32 used']],
    ['auto', false, ['gpu float32 refused', 'cpu float32 used']],
    ['float32', true, ['gpu float32 refused', 'cpu float32 used']],
  ])('with precision %s on a GPU with float16: %s, tries %j', async (precision, float16, expected) => {
    const { open } = fakes({ error: 1, source: { hasFloat16: async () => float16 } })
    expect(triesOf((await open({ precision })).attempts)).toEqual(expected)
  })

  test('does not use the reference device in float16', async () => {
    const { open } = fakes({ error: 1 })
    await expect(open({ precision: 'float16' })).rejects.toMatchObject({ code: 'runtime-unavailable' })
  })

  test('keeps verdicts on the device, and on networks that have a key', async () => {
    const verdicts = new Map<string, number>()
    await fakes({ verdicts }).open({ networkKey: 'weights' })
    expect([...verdicts.keys()]).toEqual(['gpu float16', 'gpu float16 weights'])
    const again = fakes({ verdicts })
    const { attempts } = await again.open({ networkKey: 'weights' })
    expect(again.log).toEqual(['network in float16'])
    expect(attempts[0].reason).toMatch(/This is the result of an earlier check\.$/)
    const other = fakes({ verdicts })
    await other.open()
    expect(other.log).toEqual(['network in float16', 'network on cpu'])
    const unknown = fakes({ device: { verdictKey: undefined } })
    await unknown.open({ networkKey: 'weights' })
    expect(unknown.verdicts.size).toBe(0)
  })

  test('compares float16 with float32 on the same device, if the device offers it', async () => {
    const { load } = fakes()
    const { open, log } = fakes({ device: { loadFloat32: load('float32') } })
    await open()
    expect(log).toEqual(['check in float16', 'check on cpu', 'network in float16'])
  })

  test('runs the network in float32 only for sources that want it', async () => {
    const infinite = { networkError: { float32: Number.POSITIVE_INFINITY } }
    const choice = { precision: 'float32' } as const
    expect(triesOf((await fakes(infinite).open(choice)).attempts)).toEqual(['gpu float32 used'])
    const { attempts } = await fakes({ ...infinite, source: { triesFloat32: true } }).open(choice)
    expect(triesOf(attempts)).toEqual(['gpu float32 refused', 'cpu float32 used'])
  })

  test('prepares the check and the network once each, and returns the prepared graph without weights', async () => {
    const prepared: Graph[] = []
    const rewritten: Graph = { outputs: { ...graph.outputs, z: graph.outputs.y } }
    const prepare = (given: Graph) => {
      prepared.push(given)
      return given === graph ? rewritten : given
    }
    const { open } = fakes({ device: { prepare } })
    const result = await open()
    expect(prepared.filter((given) => given === graph)).toHaveLength(1)
    expect(prepared).toHaveLength(2)
    expect(Object.keys(result.graph.outputs)).toEqual(['y', 'z'])
    const { load } = result.graph.outputs.y.inputs[1].attributes as { load(): Promise<unknown> }
    await expect(load()).rejects.toThrow('This graph does not hold its weights.')
  })

  test('describes errors of the check network in the words of the device', async () => {
    const load = () => Promise.reject(new InverseFormError('inference-failed', 'No adapter.'))
    const describeFailure = (cause: Error) =>
      notUsable({ outcome: 'failed', reason: `It fails: ${cause.message}` }, { hint: 'Install it.', cause })
    const { open } = fakes({ device: { load, describeFailure } })
    expect((await open({ precision: 'float32' })).attempts[0]).toMatchObject({
      outcome: 'failed',
      reason: 'It fails: No adapter.',
    })
  })

  test('throws errors of the checkpoint', async () => {
    const error = new InverseFormError('invalid-checkpoint', 'It is damaged.')
    const { open } = fakes({ device: { load: () => Promise.reject(error) } })
    await expect(open()).rejects.toBe(error)
  })

  test('lists every attempt if no device can be used', async () => {
    const start = async () => {
      throw notUsable({ outcome: 'unavailable', reason: 'It is missing.' }, { hint: 'Install it.' })
    }
    await expect(fakes({ source: { start } }).open({ precision: 'float32' })).rejects.toMatchObject({
      code: 'runtime-unavailable',
      message: 'No device can run the network. gpu: It is missing. cpu: It is missing.',
      details: { attempts: [{ outcome: 'unavailable' }, { outcome: 'unavailable' }] },
    })
  })
})

test('`findBestDevice` checks devices without a network', async () => {
  const { devices, log, sessions } = fakes()
  const choice = { devices: ['gpu', 'cpu'], precision: 'float32', selfCheck: 'refuse' } as const
  const { device, opened } = await findBestDevice(choice, devices)
  expect([device, opened.name]).toEqual(['gpu', 'gpu'])
  expect(log).toEqual(['check in float32', 'check on cpu'])
  expect(sessions.size).toBe(0)
})

describe('checkDeviceOptions', () => {
  const check = (options: object) =>
    checkDeviceOptions(options as DeviceOptions<Device>, ['gpu', 'cpu'], 'cpu')

  test('fills in defaults', () => {
    expect(check({})).toEqual({
      device: 'auto',
      precision: 'auto',
      selfCheck: 'refuse',
      selfCheckCache: true,
      threads: 0,
      memoryBudget: undefined,
    })
    expect(
      check({ device: 'gpu', precision: 'float16', memoryBudget: Number.POSITIVE_INFINITY }),
    ).toMatchObject({ device: 'gpu', precision: 'float16', memoryBudget: Number.POSITIVE_INFINITY })
  })

  test.each<[object, string, string]>([
    [
      { device: 'tpu' },
      'runtime-unavailable',
      "`device` must be one of 'auto', 'gpu' or 'cpu', got \"tpu\".",
    ],
    [
      { precision: 'int8' },
      'invalid-argument',
      "`precision` must be one of 'auto', 'float32' or 'float16', got \"int8\".",
    ],
    [
      { device: 'cpu', precision: 'float16' },
      'invalid-argument',
      'The device cpu does not compute in float16.',
    ],
    [
      { selfCheck: true },
      'invalid-argument',
      "`selfCheck` must be one of 'refuse', 'warn' or 'skip', got true.",
    ],
    [{ selfCheckCache: 0 }, 'invalid-argument', '`selfCheckCache` must be true or false, got 0.'],
    [{ threads: 1.5 }, 'invalid-argument', '`threads` must be an integer from 0 to 1024, got 1.5.'],
    [{ threads: '4' }, 'invalid-argument', '`threads` must be an integer from 0 to 1024, got "4".'],
    [{ memoryBudget: 0 }, 'invalid-argument', '`memoryBudget` must be a number of bytes above 0, got 0.'],
    [{ memoryBudget: '1' }, 'invalid-argument', '`memoryBudget` must be a number of bytes above 0, got "1".'],
  ])('refuses %j', (options, code, message) => {
    expect(() => check(options)).toThrow(expect.objectContaining({ code, message }))
  })
})
