/** Makes pictures of native frames. Reading what a dataset says of them is pure; the encoders are loaded when they are used. */
export { readImageLooks, type ImageLooks, type LookSource } from './read-looks.js';
export type { ImageLook } from './image-look.js';
export type { Picture, PictureRequest } from './picture-request.js';
export { GIF_END } from './encode-gif.js';
export { halvingsFor, renderFrame, type RenderJob } from './render-frame.js';
export { Scratch } from './scratch.js';
export { loadSharp } from './load-sharp.js';
export { unpackPicture, type UnpackedPicture, type UnpackJob } from './unpack-picture.js';
export { isShownState, readPresentationState, type PresentationState } from './presentation-state.js';
export { presentedLooks } from './presented-look.js';
export type { ReferencedImage } from './state-references.js';
