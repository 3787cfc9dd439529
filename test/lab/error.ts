/** What goes wrong with the lab itself, as against with what runs in it. */
export class LabError extends Error {
  override readonly name = 'LabError';
}
