/// <reference types="@webgpu/types" />
import type { Gpu } from './gpu.js'

const WORKGROUP_SIZE = 64

export interface KernelSource<U extends string> {
  readonly label: string
  /** Names of the integer members of `uniforms` in the code. */
  readonly uniforms: readonly U[]
  /** WGSL with a function `compute(i: u32)`; its buffers are bindings 1, 2, …. */
  readonly code: string
}

export interface KernelRun<U extends string> {
  /** `compute` is called for each i below it. */
  readonly count: number
  readonly uniforms: Readonly<Record<U, number>>
  readonly buffers: readonly GPUBuffer[]
}

export type Kernel<U extends string> = (run: KernelRun<U>) => void

/** Compiles a kernel when it is first run. */
export function kernel<U extends string>(gpu: Gpu, source: KernelSource<U>): Kernel<U> {
  let pipeline: GPUComputePipeline | undefined
  return ({ count, uniforms, buffers }) => {
    pipeline ??= compile(gpu.device, source)
    const values = Uint32Array.from([count, ...source.uniforms.map((name) => uniforms[name])])
    const uniformBuffer = gpu.createBuffer(values, GPUBufferUsage.UNIFORM)
    const bindGroup = gpu.device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [uniformBuffer, ...buffers].map((buffer, binding) => ({ binding, resource: { buffer } })),
    })
    const groups = Math.ceil(count / WORKGROUP_SIZE)
    const columns = Math.min(groups, gpu.device.limits.maxComputeWorkgroupsPerDimension)
    gpu.submit((encoder) => {
      const pass = encoder.beginComputePass({ label: source.label })
      pass.setPipeline(pipeline!)
      pass.setBindGroup(0, bindGroup)
      pass.dispatchWorkgroups(columns, Math.ceil(groups / columns))
      pass.end()
    })
    uniformBuffer.destroy()
  }
}

function compile(device: GPUDevice, { label, uniforms, code }: KernelSource<string>): GPUComputePipeline {
  const members = ['count', ...uniforms].map((name) => `${name}: u32,`)
  const module = device.createShaderModule({
    label,
    code: `
struct Uniforms { ${members.join(' ')} }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
${code}
@compute @workgroup_size(${WORKGROUP_SIZE})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = (group.y * groups.x + group.x) * ${WORKGROUP_SIZE} + local;
  if (i < uniforms.count) { compute(i); }
}`,
  })
  return device.createComputePipeline({ label, layout: 'auto', compute: { module } })
}
