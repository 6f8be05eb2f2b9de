export { nodeSession } from './session.js'
