export { sceneSeed } from './dice.js'
export { drawScene, type Scene, type SceneOptions } from './draw-scene.js'
export { type WriteScenesOptions, writeScenes } from './write-scenes.js'
