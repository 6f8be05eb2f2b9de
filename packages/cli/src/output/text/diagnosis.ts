import type { DeviceDiagnosis, Diagnosis, Gpu } from '@inverseform/runtime-node'
import { version } from '../../version.js'
import { columns } from './columns.js'

/** Returns a diagnosis as text: the machine, a table of devices, what to do for each, and what `--device auto` uses. */
export function diagnosisText({
  versions,
  platform,
  providers,
  devices,
  auto,
  gpus,
  drivers,
  threads,
  memory,
}: Diagnosis): string {
  const facts = [
    ['inverseform', version],
    ['node', `${versions.node}, ${platform}`],
    ['onnxruntime', versions.onnxruntime],
    ['sharp', versions.sharp],
    [
      'providers',
      providers.map(({ name, bundled }) => (bundled ? name : `${name} (installed separately)`)).join(', '),
    ],
    ['GPUs', gpus.length > 0 ? gpus.map(gpuText).join('; ') : noGpus(platform)],
    ['GPU drivers', drivers.gpu.join(', ') || 'none found'],
    ['Vulkan drivers', drivers.vulkan.join(', ') || 'none loaded'],
    ['adapter limits', 'not reported by ONNX Runtime; tensors on webgpu stay within 256 MiB'],
    ['threads', String(threads)],
    ['memory', `${gibibytes(memory.available)} of ${gibibytes(memory.total)} GiB available`],
  ]
  const rows = devices.map(({ device, precision, outcome, disagreement, time }) => [
    device,
    precision,
    outcome === 'used' ? 'works' : outcome,
    disagreement === undefined ? '' : offBy(disagreement),
    `${Math.round(time)} ms`,
  ])
  const triedBefore = auto.attempts
    .slice(0, -1)
    .map(({ device, outcome, reason }) => `  ${device} ${outcome}: ${reason}\n`)
  return [
    columns(facts),
    columns([['device', 'precision', 'outcome', 'self-check', 'time'], ...rows]),
    devices.map(noteOn).join(''),
    `--device auto uses ${auto.device}${triedBefore.length > 0 ? `, after\n${triedBefore.join('')}` : '\n'}`,
  ].join('\n')
}

const offBy = (share: number) =>
  Number.isFinite(share) ? `${Number((100 * share).toPrecision(2))} % off the CPU` : 'not finite'

const noteOn = ({ device, precision, reason, hint }: DeviceDiagnosis) =>
  `${device}${precision === 'float32' ? '' : ` in ${precision}`}: ${reason}\n${hint ? `  hint: ${hint}\n` : ''}`

const gibibytes = (bytes: number) => (bytes / 2 ** 30).toFixed(1)

function gpuText({ address, pciId, name, driver, driverVersion, memory }: Gpu): string {
  const parts = [
    `${name ?? 'PCI device'} ${pciId} at ${address}`,
    driver ? [driver, driverVersion].filter(Boolean).join(' ') : 'no driver',
    ...(memory === undefined ? [] : [`${gibibytes(memory)} GiB`]),
  ]
  return parts.join(', ')
}

const noGpus = (platform: string) =>
  platform.startsWith('linux') ? 'none on the PCI bus' : `not listed on ${platform}`
