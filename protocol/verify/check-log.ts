/** Who signed the receipt, and whether the log holds it. */
import { equalBytes, fromHex } from '../bytes.ts';
import { emptyRoot, leafHash, verifyConsistency, verifyInclusion } from '../merkle.ts';
import { type Checkpoint, checkNote, parseCheckpoint, parseNote, parseNoteKey } from '../note.ts';
import { receiptLeaf, receiptTypedData } from '../receipt.ts';
import { recoverTypedData } from '../signatures.ts';
import type { Bundle, Trust } from './bundle.ts';
import { must } from './check.ts';

export function checkSignature({ receipt, signature }: Bundle, trust: Trust): string {
  const signer = recoverTypedData(receiptTypedData(receipt), signature.value);
  must(signer === signature.signer, `The signature is not by ${signature.signer}.`);
  must(trust.signers.includes(signer), `${signer} is not among the trusted signers.`);
  return `Signed by ${signer}.`;
}

export function checkInclusion(bundle: Bundle): string {
  const { size, root } = checkpointOf(bundle);
  const { index, proof } = bundle.inclusion;
  const leaf = leafHash(receiptLeaf(bundle));
  const stands = verifyInclusion({ leaf, index, size, proof: proof.map(fromHex), root });
  must(stands, `The receipt is not leaf ${index} of the checkpoint's tree of ${size}.`);
  return `Leaf ${index} of a log of ${size}.`;
}

export function checkCheckpoint(bundle: Bundle, trust: Trust): string {
  const { origin, size } = checkpointOf(bundle);
  const keys = trust.logKeys.map(parseNoteKey);
  const { signers, hasUnknown } = checkNote(parseNote(bundle.checkpoint), keys);
  must(signers.includes(origin), `No trusted key of the log ${origin} signed the checkpoint.`);
  must(!hasUnknown, 'The checkpoint carries a signature of a key that is not trusted.');
  return `The log ${origin} signed for ${size} leaves.`;
}

/** Whether the checkpoint's tree and a root that the chain holds are one history. */
export function checkAnchor(bundle: Bundle, trust: Trust): string {
  const { anchor } = bundle;
  must(anchor !== undefined, 'The bundle has no anchor.');
  const known = trust.anchors?.some(
    ({ epoch, size, root }) =>
      epoch === anchor.epoch && size === anchor.size && root === anchor.root,
  );
  must(known === true, `The anchor of epoch ${anchor.epoch} is not among the trusted ones.`);
  const checkpoint = checkpointOf(bundle);
  const anchored = { size: anchor.size, root: fromHex(anchor.root) };
  const [older, newer] =
    anchored.size <= checkpoint.size ? [anchored, checkpoint] : [checkpoint, anchored];
  const grew = verifyConsistency({
    first: older.size,
    firstRoot: older.root,
    second: newer.size,
    secondRoot: newer.root,
    proof: anchor.consistency.map(fromHex),
  });
  must(grew, `The checkpoint and the anchor of epoch ${anchor.epoch} are not one history.`);
  const isCovered = bundle.inclusion.index < anchored.size;
  must(isCovered, 'The anchored tree is older than the receipt.');
  return `One history with the root anchored for epoch ${anchor.epoch}.`;
}

export function checkpointOf(bundle: Bundle): Checkpoint {
  const checkpoint = parseCheckpoint(parseNote(bundle.checkpoint).text);
  const isEmpty = checkpoint.size === 0 || equalBytes(checkpoint.root, emptyRoot());
  must(!isEmpty, 'The checkpoint is of an empty log.');
  return checkpoint;
}
