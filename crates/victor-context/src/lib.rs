//! Keeps the window a model sees: appends, counts tokens and compacts without breaking a conversation.
