/** SOP classes of the services that the gateway uses itself. @see PS3.4 */
export const SopClasses = {
  verification: '1.2.840.10008.1.1',
  patientRootFind: '1.2.840.10008.5.1.4.1.2.1.1',
  patientRootMove: '1.2.840.10008.5.1.4.1.2.1.2',
  patientRootGet: '1.2.840.10008.5.1.4.1.2.1.3',
  studyRootFind: '1.2.840.10008.5.1.4.1.2.2.1',
  studyRootMove: '1.2.840.10008.5.1.4.1.2.2.2',
  studyRootGet: '1.2.840.10008.5.1.4.1.2.2.3',
  storageCommitment: '1.2.840.10008.1.20.1',
} as const;

/** The instance that every request for storage commitment is addressed to. @see PS3.4 J.3.5 */
export const STORAGE_COMMITMENT_INSTANCE = '1.2.840.10008.1.20.1.1';

export {
  implementationClassUid as IMPLEMENTATION_CLASS_UID,
  implementationVersionName as IMPLEMENTATION_VERSION_NAME,
} from '../dicom/index.js';
