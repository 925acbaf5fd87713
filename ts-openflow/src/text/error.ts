/** Text that is not of the syntax, or says what cannot be said in OpenFlow. The message says which part. */
export class TextError extends TypeError {
  override readonly name = 'TextError';
}
