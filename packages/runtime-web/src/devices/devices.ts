/** Devices that networks can run on, the best first. */
export const devices = ['webgpu', 'wasm'] as const

export type Device = (typeof devices)[number]
