// A library must have a source; all of plait_as_shared comes from the archive.
