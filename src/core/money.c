#include "base.h"
#include "core/money.h"
