#include "base.h"
#include "db/txn.h"
