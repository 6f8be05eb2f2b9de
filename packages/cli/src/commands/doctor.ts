import type { DeviceDiagnosis, Diagnosis, Gpu } from '@inverseform/runtime-node'
import { diagnose } from '@inverseform/runtime-node'
import { columns } from '../output/columns.js'
import type { Terminal } from '../terminal.js'
import { version } from '../version.js'

/** Shows what networks can run on here, and what to do for the devices that are not usable. */
export async function doctorCommand(flags: { readonly json?: boolean }, terminal: Terminal): Promise<void> {
  const diagnosis = await diagnose()
  terminal.out(
    flags.json
      ? `${JSON.stringify({ format: 'inverseform.diagnosis', version: 1, inverseform: version, ...diagnosis }, null, 2)}\n`
      : textOf(diagnosis),
  )
}

function textOf({
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
      providers.map(({ name, bundled }) => (bundled ? name : `${name} (installed apart)`)).join(', '),
    ],
    ['GPUs', gpus.length > 0 ? gpus.map(gpuText).join('; ') : noGpus(platform)],
    ['GPU drivers', drivers.gpu.join(', ') || 'none found'],
    ['Vulkan drivers', drivers.vulkan.join(', ') || 'none loaded'],
    ['adapter limits', 'not told by onnxruntime-node; tensors on webgpu are kept within 256 MiB'],
    ['threads', String(threads)],
    ['memory', `${gibibytes(memory.available)} of ${gibibytes(memory.total)} GiB available`],
  ]
  const rows = devices.map(({ device, precision, outcome, disagreement, time }) => [
    device,
    precision,
    outcome === 'used' ? 'works' : outcome,
    disagreement === undefined ? '' : `${(100 * disagreement).toPrecision(1)} % off the CPU`,
    `${Math.round(time)} ms`,
  ])
  const passedOver = auto.ladder
    .slice(0, -1)
    .map(({ device, outcome, reason }) => `  ${device} ${outcome}: ${reason}\n`)
  return [
    columns(facts),
    columns([['device', 'precision', 'answer', 'self-check', 'time'], ...rows]),
    devices.map(noteOn).join(''),
    `--device auto takes ${auto.device}${passedOver.length > 0 ? `, after\n${passedOver.join('')}` : '\n'}`,
  ].join('\n')
}

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
  platform.startsWith('linux') ? 'none on the PCI bus' : `not looked for on ${platform}`
