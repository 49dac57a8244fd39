#include "base.h"
#include "db/scope.h"
