//! Tools that read, search and change files and run commands, confined to one root folder.
