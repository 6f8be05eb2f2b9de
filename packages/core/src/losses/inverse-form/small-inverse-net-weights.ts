export const tileSide = 28
export const layerSizes = [1568, 256, 32, 4] as const
export const weightBytes = ''
