"""The sagas' storage: what was promised, before it is done. One journal is one bridge's, or one holder's."""
