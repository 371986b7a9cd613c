/** Structured reports as text for people: pure functions of their content. */
export { reportStyle } from './html-report.js';
export { reportTypes, writeReport, type ReportType } from './write-report.js';
