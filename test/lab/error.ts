/** A failure of the lab itself, as against one of what runs in it. */
export class LabError extends Error {
  override readonly name = 'LabError';
}
